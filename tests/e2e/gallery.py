"""Pictures of the page in each of its states, and what axe-core finds in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Page

from tests.e2e.person import Person
from tests.e2e.tab import ChromiumTab

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
SIZES = ((390, 844), (1280, 800))
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SAMPLE = ((390, "dark"), (1280, "light"))
"""Each size and each scheme once: axe-core takes a second for each picture."""

RUN = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  const where = ({ target, failureSummary }) => `${target} ${failureSummary}`;
  return violations.map(({ id, help, nodes }) => `${id} (${help}): ${nodes.map(where).join("; ")}`);
}"""

COVERED = """() => {
  const inside = document.querySelector("dialog[open]") ?? document;
  const isCovered = (element) => {
    const { left, top, width, height } = element.getBoundingClientRect();
    return [0.1, 0.5, 0.9].some((part) => {
      const hit = document.elementFromPoint(left + width * part, top + height / 2);
      return hit !== null && !element.contains(hit) && !hit.contains(element);
    });
  };
  const pressed = [...inside.querySelectorAll("button, a, input, select, textarea")];
  return pressed.filter((e) => e.checkVisibility() && isCovered(e)).map((e) => e.id || e.outerHTML);
}"""
"""What can be pressed, but not everywhere, because something else lies over it."""

OVERFLOW = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@dataclass(slots=True)
class Gallery:
    """A folder of pictures; ``findings`` has what is wrong with them."""

    folder: Path
    whole: bool = False
    """Whether axe-core looks at all four pictures of a state, or at ``SAMPLE``."""
    findings: list[str] = field(default_factory=list)

    def show(self, name: str, person: Person) -> None:
        """Pictures of what the person sees, in both sizes, dark and light; then the page is as it was."""
        assert isinstance(person.tab, ChromiumTab)
        page = person.tab.page
        size = page.viewport_size
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                picture = f"{name}-{width}x{height}-{scheme}"
                self._look(page, picture)
                if self.whole or (width, scheme) in SAMPLE:
                    found: list[Any] = page.evaluate(RUN)
                    self.findings += [f"{picture}: {each}" for each in found]
        if size is not None:
            page.set_viewport_size(size)
        page.emulate_media(color_scheme="light", reduced_motion="no-preference")

    def _look(self, page: Page, name: str) -> None:
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        page.screenshot(path=self.folder / f"{name}.png", animations="disabled")
        self.findings += [f"{name}: {each} is covered" for each in page.evaluate(COVERED)]
        if page.evaluate(OVERFLOW):
            self.findings.append(f"{name}: wider than the screen")
