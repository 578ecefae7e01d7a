"""What a person with a thumb and a small screen needs of the page, measured: targets, edges, what can be read."""

from page_browser import Page

PHONE = (390, 844)
LANDSCAPE = (844, 390)
SMALLEST_PX = 44
"""Side of a target: WCAG 2.2's enhanced target size (2.5.5), and Apple's guidelines."""
READABLE_PX = 16
"""Size of a caption's letters."""

TARGETS = """
  const box = document.querySelector('dialog[open]');
  const covering = document.querySelector('body[data-view=room] #details:not([hidden])');
  const root = box ?? (covering && innerWidth < 1100 ? covering : document.body);
  const inline = (e) => e.matches('.skip, .more') || e.closest('.sr');
  const wanted = 'button, a[href], input, select, summary, [role=tab]';
  return [...root.querySelectorAll(wanted)].filter((e) => e.checkVisibility({ visibilityProperty: true }) && !inline(e)).map((e) => {
    const whole = e.closest('label.switch, label.room-choice') ?? e;  // a label takes the finger for its box
    const { left, right, top, bottom, width, height } = whole.getBoundingClientRect();
    const scrolls = e.closest('.scroll, .people, .tab, dialog, .lobby, body[data-view=operator] main');
    return { name: e.id || e.className || e.textContent, left, right, top, bottom, width, height, scrolls: !!scrolls };
  });
"""

CAPTIONS = """
  const scroll = document.querySelector('#scroll').getBoundingClientRect();
  const dock = document.querySelector('.dock').getBoundingClientRect();
  const last = document.querySelector('.entry:last-child .text');
  const lines = [...last.getClientRects()];
  const { bottom, left, right } = last.getBoundingClientRect();
  const at = document.elementFromPoint((left + right) / 2, bottom - 10);
  return { bottom, dock: dock.top, room: scroll.height, size: parseFloat(getComputedStyle(last).fontSize),
           seen: !!at && (at === last || last.contains(at)), lines: lines.length };
"""


def layout_faults(page: Page) -> list[str]:
    """What does not fit a finger or the screen: empty where all does."""
    wide, high = page.js("[innerWidth, innerHeight]")
    faults = []
    if page.js("document.documentElement.scrollWidth") > wide:
        faults.append(f"the page is {page.js('document.documentElement.scrollWidth')} px wide on a screen of {wide}")
    for one in page.driver.execute_script(TARGETS):
        if one["width"] < SMALLEST_PX - 0.5 or one["height"] < SMALLEST_PX - 0.5:
            faults.append(f"{one['name']}: {one['width']:.0f} x {one['height']:.0f} px")
        out = one["left"] < -0.5 or one["right"] > wide + 0.5 or one["top"] < -0.5 or one["bottom"] > high + 0.5
        if out and not one["scrolls"]:
            faults.append(f"{one['name']}: beyond the screen's edge")
    return faults


def caption_faults(page: Page, *, room_px: int) -> list[str]:
    """What keeps the newest caption from being read above the controls."""
    seen = page.driver.execute_script(CAPTIONS)
    faults = []
    if seen["room"] < room_px:
        faults.append(f"only {seen['room']:.0f} px are left for captions")
    if seen["size"] < READABLE_PX:
        faults.append(f"letters of {seen['size']} px")
    if seen["bottom"] > seen["dock"] + 0.5 or not seen["seen"]:
        faults.append(f"the newest caption is covered: it ends at {seen['bottom']:.0f}, the controls begin at {seen['dock']:.0f}")
    return faults
