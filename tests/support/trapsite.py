"""A site without end around a little content: two calendars, session ids, relative links that go astray, frames in
frames, style sheets in style sheets. Every page says what such pages say: the same frame of words, and a few that
change."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.support.web import MISSING, Web, ok

HOST = "http://trap.test"
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
ARTICLES = 40
EVENTS = {3: "a concert in the old church", 17: "the summer fair", 31: "a hike to the lake", -5: "the carnival"}
"""By the month that they are in, counted from the present one."""
PRODUCTS = ("lamp", "chair", "table", "shelf", "carpet")
_FRAME = "".join(
    f"<li>{word} department of the institute for applied patience</li>" for word in ("North", "South", "East")
)


def content() -> set[str]:
    """The URLs of what is worth having."""
    articles = {f"{HOST}/article/{number}" for number in range(ARTICLES)}
    events = {f"{HOST}/event/{number % 100}" for number in EVENTS}
    return {f"{HOST}/", *articles, *events, *(f"{HOST}/shop/{product}" for product in PRODUCTS)}


class TrapSite(Web):
    """Answers for ever."""

    def __init__(self) -> None:
        super().__init__({f"{HOST}/": b""})
        self._sessions = 0

    def _choose(self, url: str) -> bytes:
        path = url.removeprefix(HOST)
        for pattern, answer in _ANSWERS.items():
            if found := re.fullmatch(pattern, path):
                return answer(self, *found.groups())
        return MISSING

    def home(self) -> bytes:
        articles = [f"/article/{number}" for number in range(0, ARTICLES, 4)]
        return _page(
            "Home",
            *articles,
            "/shop/",
            "/calendar?offset=0",
            "/archive/2026/05",
            "/astray/",
            "/frames/",
            "/counter?n=1",
            "/tower/1/",
        )

    def article(self, number: str) -> bytes:
        words = " ".join(f"{word}{number}" for word in ("of", "ships", "shoes", "sealing", "wax", "cabbages", "kings"))
        after = (int(number) + 1) % ARTICLES
        return _page(f"Article {number}", f"/article/{after}", text=f"<p>{words * 12}</p>")

    def event(self, number: str) -> bytes:
        text = next(text for month, text in EVENTS.items() if month % 100 == int(number))
        return _page(text, "/", text=f"<p>Everybody is invited to {text}. {text * 30}</p>")

    def calendar(self, offset: str) -> bytes:
        """Months counted from the present one: no URL tells which year it is."""
        month = int(offset)
        links = [f"/calendar?offset={month + 1}", f"/calendar?offset={month - 1}"]
        event = EVENTS.get(month)
        text = "" if event is None else f"<p>{event * 3}</p>"
        return _month(2026 + month // 12, month % 12, text, *links, *([f"/event/{month % 100}"] if event else []))

    def archive(self, year: str, month: str) -> bytes:
        """Months by their names: years without end in both directions."""
        number = int(year) * 12 + int(month) - 1
        links = (f"/archive/{each // 12:04}/{each % 12 + 1:02}" for each in (number - 1, number + 1) if each >= 0)
        return _month(int(year), int(month) - 1, "", *links)

    def shop(self, product: str) -> bytes:
        """Whoever comes without a session gets one, in every link."""
        self._sessions += 1
        session = f"sid={self._sessions * 2654435761 % (1 << 64):016x}"
        links = [f"/shop/{each}?{session}" for each in PRODUCTS] + [f"/shop/{each}" for each in PRODUCTS]
        return _page(f"Shop: {product}", *links, text=f"<p>The finest {product} of all. {(product + ' ') * 40}</p>")

    def astray(self, _: str) -> bytes:
        """Relative links on a page that answers to every address below it."""
        return _page("Lost", "left/", "right/")

    def counter(self, number: str) -> bytes:
        """Each frame has the next one in it."""
        frame = f'<iframe src="/counter?n={int(number) + 1}"></iframe>'
        return ok(f"<title>Counter</title>{_FRAME}{frame}".encode(), type_="text/html")

    def tower(self, number: str) -> bytes:
        """The same by paths; each has the first of a row of style sheets, too."""
        frame = f'<link rel=stylesheet href="/style/1.css"><iframe src="/tower/{int(number) + 1}/"></iframe>'
        return ok(f"<title>Tower</title>{_FRAME}{frame}".encode(), type_="text/html")

    def style(self, number: str) -> bytes:
        return ok(b'@import "%d.css"; p { color: red }' % (int(number) + 1), type_="text/css")

    def frames(self, _: str) -> bytes:
        return ok(f'<title>Frames</title>{_FRAME}<iframe src="in/"></iframe>'.encode(), type_="text/html")


_ANSWERS: dict[str, Callable[..., bytes]] = {
    "/": TrapSite.home,
    r"/article/([0-9]+)": TrapSite.article,
    r"/event/([0-9]+)": TrapSite.event,
    r"/calendar\?offset=(-?[0-9]+)": TrapSite.calendar,
    r"/archive/([0-9]+)/([0-9]+)": TrapSite.archive,
    r"/shop/(\w*)(?:\?sid=[0-9a-f]+)?": TrapSite.shop,
    r"/astray/(.*)": TrapSite.astray,
    r"/counter\?n=([0-9]+)": TrapSite.counter,
    r"/tower/([0-9]+)/": TrapSite.tower,
    r"/style/([0-9]+)\.css": TrapSite.style,
    r"/frames/(.*)": TrapSite.frames,
}


def _month(year: int, month: int, text: str, *links: str) -> bytes:
    days = "".join(f"<td>{day}</td>" for day in range(1, 31))
    name = f"{MONTHS[month]} {year}"
    return _page(name, *links, text=f"<h1>{name}</h1><table>{days}</table>{text}")


def _page(title: str, *links: str, text: str = "") -> bytes:
    anchors = "".join(f'<a href="{link}">more</a>' for link in links)
    body = f'<!doctype html><title>{title}</title><img src="/logo.png"><ul>{_FRAME}</ul>{text}{anchors}'
    return ok(body.encode(), type_="text/html")
