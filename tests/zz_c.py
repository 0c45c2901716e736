import asyncio, sys
from dataclasses import replace
from tests.faults import outages
async def main():
    (o,) = [each for each in outages.OUTAGES if each.fault == sys.argv[1]]
    for without in ("", "told-available"):
        r = await outages.row(replace(o, quiet=True), whole=False, without=without)
        print(without, r.wrong[:2], [[round(x) if x<1e9 else x for x in j.caught_up_ms] for j in r.judgements])
asyncio.run(main())
