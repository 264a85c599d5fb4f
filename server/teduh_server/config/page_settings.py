"""What the organisation decides about its pages: the `[page]` table of its file.

    [page]
    title = "Catatan"                          # in the browser's tab and history: nothing that tells
    icon = "data:image/png;base64,..."
    exit_url = "https://www.bmkg.go.id/"       # where quick exit goes
    embedded_by = ["https://www.rumah-aman.example"]
    hours = { id = "Setiap hari, 08.00-22.00", en = "Every day, 8 to 22" }

    [page.confidentiality]
    id = "..."
    en = "..."

Every entry is optional. Whatever is misspelt is refused when the relay starts, so that nobody finds out by a
page that looks wrong. What the page itself reads (`client_sdk/web/apps/README.md`) has its defaults there,
the Indonesian emergency numbers among them.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

# Without a path, and nothing that could end a header or a directive of a policy.
_ORIGIN: Final = r"^https?://[A-Za-z0-9.\[\]:*-]+\Z"
_WEB_ADDRESS: Final = r"^https?://[!-~]+\Z"
# One site and what is there, as RFC 3986 writes it, and no userinfo before the site, which would hide it.
_LINK: Final = (
    r"^https://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:[0-9]{1,5})?"
    r"([/?#][A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*)?\Z"
)
_MAX_LINK_CHARACTERS: Final = 256
_PICTURE: Final = r"^data:(image/[a-z0-9.+-]+(;base64)?)?,[!-~]*\Z"

Language = Annotated[str, Meta(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]+)*\Z")]
ShortText = Annotated[str, Meta(min_length=1, max_length=64)]
OwnText = str | dict[Language, str]
"""One text for all languages, or one for each."""
_Name = Annotated[str, Meta(max_length=100)]
_About = Annotated[str, Meta(max_length=300)]


class InvalidPageSettings(Exception):
    """The `[page]` table cannot be used; the text says where and why."""


ReplyText = Annotated[str, Meta(min_length=1, max_length=2000)]
Reply = ReplyText | dict[Language, ReplyText]
"""What staff often say, ready to be put into the field: in one language, or in several."""


class EmergencyContact(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A number to call, as it is dialled; or where one can write, as who cannot speak; or both.

    What such a site learns is told in docs/pages.md, and to her beside the link.
    """

    number: Annotated[str, Meta(pattern=r"^[+*#\d][\d ()*#-]{1,31}\Z")] | None = None
    link: Annotated[str, Meta(max_length=_MAX_LINK_CHARACTERS, pattern=_LINK)] | None = None
    name: _Name | dict[Language, _Name] = ""
    about: _About | dict[Language, _About] = ""

    def __post_init__(self) -> None:
        if self.number is None and self.link is None:
            raise ValueError("an emergency contact needs a `number`, a `link` or both")
        if self.number is None and not self.name:
            raise ValueError("an emergency contact with a `link` alone needs a `name`")


MAX_EMERGENCY_CONTACTS: Final = 16
"""They come with the first bytes of the page, and somebody in danger looks through them."""


class Cover(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is shown when the page comes back after it was hidden for so many seconds."""

    skin: Literal["plain", "weather", "recipe"] = "recipe"
    after_seconds: Annotated[float, Meta(gt=0)] = 60


class Disguise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the page looks like until she presses where she was told."""

    skin: Literal["weather", "recipe"]
    press: Literal["picture", "title", "footer"] = "picture"


class PageSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The whole table: the first four for the server, replies for the console, the rest for both pages."""

    title: ShortText | None = None
    icon: Annotated[str, Meta(max_length=16 * 1024, pattern=_PICTURE)] = "data:,"
    exit_url: Annotated[str, Meta(pattern=_WEB_ADDRESS)] = "https://www.bmkg.go.id/"
    embedded_by: tuple[Annotated[str, Meta(pattern=_ORIGIN)], ...] = ()
    languages: tuple[Language, ...] = ()
    confidentiality: OwnText = ""
    hours: OwnText = ""
    replies: Annotated[tuple[Reply, ...], Meta(max_length=100)] = ()
    typical_wait_minutes: Annotated[float, Meta(gt=0)] | None = None
    needs: tuple[ShortText, ...] = ()
    regions: tuple[ShortText, ...] = ()
    emergency_numbers: Annotated[tuple[EmergencyContact, ...], Meta(max_length=MAX_EMERGENCY_CONTACTS)] = ()
    cover: Cover = Cover()
    disguise: Disguise | None = None
    exit_place: Literal["top", "bottom-left", "bottom-right"] = "top"

    @property
    def shown_title(self) -> str:
        """`title`, else one that tells nothing, in the language that is offered first."""
        if self.title is not None:
            return self.title
        return "Catatan" if not self.languages or self.languages[0].startswith("id") else "Notes"

    @classmethod
    def load(cls, organisation_file: Path) -> PageSettings:
        """From the organisation's file; raises `InvalidPageSettings`, `OSError`."""
        try:
            entries = tomllib.loads(organisation_file.read_text("utf-8"))
            return msgspec.convert(entries.get("page", {}), type=cls)
        except (ValueError, msgspec.ValidationError) as error:
            raise InvalidPageSettings(f"[page] in {organisation_file}: {error}") from error

    def for_the_page(self) -> dict[str, Any]:
        """What was said of the survivor's page's own entries, for JSON."""
        return self._without(_SERVERS_OWN | _CONSOLES_OWN)

    def for_the_console(self) -> dict[str, Any]:
        """The same for the console."""
        return self._without(_SERVERS_OWN)

    def _without(self, others: frozenset[str]) -> dict[str, Any]:
        entries: dict[str, Any] = msgspec.to_builtins(self)
        return {name: entry for name, entry in entries.items() if name not in others}


_SERVERS_OWN: Final = frozenset({"title", "icon", "exit_url", "embedded_by"})
_CONSOLES_OWN: Final = frozenset({"replies"})
