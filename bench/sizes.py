"""How much is measured: whole, quick (below two minutes), tiny (for the test of the benchmark itself)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """The numbers of every scenario.

    ``people`` outnumber the skips a second: one person may skip once a second in the long run.
    """

    name: str
    rounds: int
    seconds: float
    """Of one stretch of load."""
    people: int
    light_per_s: float
    at_a_time: int
    """Skips under way in a closed loop."""
    script_batches: int
    growth: tuple[int, ...]
    """Crowds that are compared: the first row of the table is from the second to the last."""
    great: int
    """People of the scenario with two generator processes."""
    streams: int
    """Quiet streams whose memory is measured."""
    idle_people: int
    idle_s: float
    overload_people: int
    outages_s: tuple[float, ...]
    call_ms: tuple[float, ...]
    interests: int
    arrivals_per_s: float
    arriving_s: float
    hostile: int
    """Bots that nobody may meet."""
    unfit: int
    """Waiting people who cannot be paired with each other."""
    shard_people: tuple[int, ...]
    """People who talk and do nothing, on one shard."""
    shard_s: float
    shard_skips_per_s: tuple[float, ...]
    overload_kinds: tuple[str, ...] = ("hang",)
    overload_crowds: tuple[int, ...] = ()
    """Crowds of the overload scenario; empty: one of ``overload_people``."""


FULL = Size(
    "full",
    rounds=5,
    seconds=2.0,
    people=2_000,
    light_per_s=50,
    at_a_time=48,
    script_batches=60,
    growth=(1_000, 2_000, 10_000),
    great=20_000,
    streams=2_000,
    idle_people=2_000,
    idle_s=10.0,
    overload_people=1_000,
    outages_s=(11.0,),
    call_ms=(6.0,),
    interests=150,
    arrivals_per_s=40,
    arriving_s=45.0,
    hostile=150,
    unfit=50_000,
    shard_people=(200_000, 300_000),
    shard_s=12.0,
    shard_skips_per_s=(500.0, 2_000.0),
    overload_kinds=("hang", "killed", "cold", "rolling", "stopped"),
)
QUICK = Size(
    "quick",
    rounds=3,
    seconds=0.5,
    people=300,
    light_per_s=50,
    at_a_time=32,
    script_batches=8,
    growth=(200, 600),
    great=400,
    streams=150,
    idle_people=200,
    idle_s=2.5,
    overload_people=100,
    outages_s=(3.0,),
    call_ms=(6.0,),
    interests=30,
    arrivals_per_s=40,
    arriving_s=6.0,
    hostile=150,
    unfit=2_000,
    shard_people=(4_000,),
    shard_s=2.0,
    shard_skips_per_s=(200.0,),
)
TINY = Size(
    "tiny",
    rounds=2,
    seconds=0.3,
    people=41,
    light_per_s=25,
    at_a_time=8,
    script_batches=3,
    growth=(30, 50),
    great=60,
    streams=40,
    idle_people=20,
    idle_s=0.5,
    overload_people=10,
    outages_s=(3.5,),
    call_ms=(1.0,),
    interests=5,
    arrivals_per_s=25,
    arriving_s=2.0,
    hostile=20,
    unfit=50,
    shard_people=(600,),
    shard_s=0.6,
    shard_skips_per_s=(50.0,),
)
SIZES = {each.name: each for each in (FULL, QUICK, TINY)}
