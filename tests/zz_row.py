import asyncio, sys
from tests.faults import outages, people as P
from duologue.client import http as H
orig = P.Person._saw
T0 = None
def saw(self, model, inp):
    orig(self, model, inp)
    global T0
    t = asyncio.get_running_loop().time()
    T0 = T0 or t
    if self.name == "c0 one":
        ns = sorted(self.chats.get(model.chat.match, {}))
        txt = repr(inp)
        print(f"{t-T0:7.2f} {model.link} v={model.state and model.state.version} n={ns[-3:]} {txt[:230]}")
P.Person._saw = saw
async def main():
    name, whole = sys.argv[1], "--whole" in sys.argv
    without = sys.argv[sys.argv.index("--without")+1] if "--without" in sys.argv else ""
    (o,) = [each for each in outages.OUTAGES if each.fault == name]
    r = await outages.row(o, whole=whole, without=without)
    for w in r.wrong[:3]: print("WRONG", w[:1500])
    for j in r.judgements: print([round(x) for x in j.caught_up_ms])
asyncio.run(main())
