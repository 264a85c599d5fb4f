"""What a directory says: services as in the Human Services Data Specification (HSDS) 3.1.

    { "hsds_version": "3.1", "services": [ { "id", "name", "status", "organization", "phones", ... } ] }

Each service is a nested HSDS service. HSDS leaves most of it optional; here a service must say when it was
last checked (`assured_date`), by which source (`source`), for which needs it is (attributes of the taxonomy
`teduh-need`), in which languages, where, and at least one way to reach it. Names that HSDS has and that are
not listed here are passed over, but for those of schedules.

HSDS permits further properties that are documented. These are ours:

    source                   where the facts are from, in words
    translations             { "en": { "name", "description", "alert" } }; its own texts are Indonesian
    service_area.extent      a country or one of its parts (ISO 3166: `ID`, `ID-JK`), `extent_type` "text"

HSDS and its documentation are licensed CC BY-SA 4.0 ("Human Services Data Specification: an Open Referral
resource", https://openreferral.org/). Nothing of its text is copied; these types name its properties.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from teduh_signaling.directory.hours import Identifier, LongText, Schedule, ShortText

HSDS_VERSION: Final = "3.1"
MAX_SERVICES: Final = 2000
MAX_BYTES: Final = 1024 * 1024
"""Of the file. Compressed it has to be much smaller (`MAX_COMPRESSED_BYTES`)."""
MAX_COMPRESSED_BYTES: Final = 64 * 1024
"""Of what she fetches, by brotli."""
NEED_TAXONOMY: Final = "teduh-need"
NEEDS: Final = (
    "emergency",
    "counseling",
    "medical",
    "mental-health",
    "legal",
    "shelter",
    "children",
    "complaint",
    "interpreter",
)
"""The terms of `teduh-need` by which a reader can search."""

_MOST: Final = 32
"""Of anything that a service has several of."""
_TEXT_LANGUAGE: Final = r"^[a-z]{2,3}\Z"
# One site and what is there, as RFC 3986 writes it, and no userinfo before the site, which would hide it.
_LINK: Final = (
    r"^https://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:[0-9]{1,5})?"
    r"([/?#][A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*)?\Z"
)
LanguageCode = Annotated[str, Meta(pattern=_TEXT_LANGUAGE)]
"""ISO 639-1 or 639-3."""
Link = Annotated[str, Meta(max_length=256, pattern=_LINK)]
Email = Annotated[str, Meta(max_length=200, pattern=r"^[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+\Z")]


class InvalidDirectory(Exception):
    """The bytes are no directory; the text says where and why."""


class Organization(Struct, frozen=True, omit_defaults=True):
    """Who offers the service."""

    id: Identifier
    name: ShortText
    description: LongText
    website: Link | None = None


class Phone(Struct, frozen=True, omit_defaults=True):
    """A number, as it is dialled."""

    id: Identifier
    number: Annotated[str, Meta(pattern=r"^[+*#0-9][0-9 ()*#-]{1,31}\Z")]
    type: ShortText | None = None
    description: ShortText | None = None


class Url(Struct, frozen=True, omit_defaults=True):
    """Another address of the service, such as one at which to write."""

    id: Identifier
    url: Link
    label: ShortText | None = None


class SpokenLanguage(Struct, frozen=True, omit_defaults=True):
    """A language in which the service speaks."""

    id: Identifier
    code: LanguageCode
    name: ShortText | None = None


class ServiceArea(Struct, frozen=True, omit_defaults=True):
    """Where the service is."""

    id: Identifier
    name: ShortText
    extent: Annotated[str, Meta(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?\Z")]
    extent_type: Literal["text"] = "text"

    def covers(self, region: str) -> bool:
        """Whether a region, a country or one of its parts, is within."""
        return region == self.extent or region.startswith(f"{self.extent}-")


class TaxonomyTerm(Struct, frozen=True, omit_defaults=True):
    """A word of a taxonomy; `teduh-need` has those in `NEEDS`."""

    id: Identifier
    name: ShortText
    description: LongText
    taxonomy: ShortText | None = None
    code: ShortText | None = None


class Attribute(Struct, frozen=True, omit_defaults=True):
    """What the service is, by a term."""

    id: Identifier
    taxonomy_term: TaxonomyTerm | None = None


class Translation(Struct, frozen=True, omit_defaults=True):
    """What the service says in another language."""

    name: ShortText | None = None
    description: LongText | None = None
    alert: LongText | None = None


class Service(Struct, frozen=True, omit_defaults=True):
    """One service."""

    id: Identifier
    name: ShortText
    status: Literal["active", "inactive", "defunct", "temporarily closed"]
    assured_date: date
    """When the facts were last checked."""
    source: ShortText
    organization: Organization
    languages: Annotated[tuple[SpokenLanguage, ...], Meta(min_length=1, max_length=_MOST)]
    service_areas: Annotated[tuple[ServiceArea, ...], Meta(min_length=1, max_length=_MOST)]
    attributes: Annotated[tuple[Attribute, ...], Meta(min_length=1, max_length=_MOST)]
    description: LongText | None = None
    alert: LongText | None = None
    fees_description: LongText | None = None
    email: Email | None = None
    url: Link | None = None
    additional_urls: Annotated[tuple[Url, ...], Meta(max_length=_MOST)] = ()
    phones: Annotated[tuple[Phone, ...], Meta(max_length=_MOST)] = ()
    schedules: Annotated[tuple[Schedule, ...], Meta(max_length=_MOST)] = ()
    """None: when it is open is not known."""
    translations: Annotated[dict[LanguageCode, Translation], Meta(max_length=_MOST)] = {}

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if not (self.phones or self.url or self.email or self.additional_urls):
            raise ValueError("a service needs a phone, a url or an email")
        if not self.needs:
            raise ValueError(f"a service needs an attribute of the taxonomy {NEED_TAXONOMY}")

    @property
    def needs(self) -> frozenset[str]:
        """The terms of `teduh-need`, also those that a newer release knows and this one does not."""
        terms = (attribute.taxonomy_term for attribute in self.attributes)
        return frozenset(
            term.code for term in terms if term is not None and term.taxonomy == NEED_TAXONOMY and term.code
        )


class Directory(Struct, frozen=True):
    """The file."""

    hsds_version: Literal["3.1"]
    services: Annotated[tuple[Service, ...], Meta(max_length=MAX_SERVICES)]

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if len({service.id for service in self.services}) != len(self.services):
            raise ValueError("two services have the same id")


def read_directory(content: bytes) -> Directory:
    """The directory in these bytes; raises `InvalidDirectory`."""
    if len(content) > MAX_BYTES:
        raise InvalidDirectory(f"a directory has no more than {MAX_BYTES} bytes")
    try:
        return msgspec.json.decode(content, type=Directory)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidDirectory(str(error)) from error


def write_directory(directory: Directory) -> bytes:
    """The bytes of a directory, one service a line, so that two versions can be compared."""
    services = b",\n".join(map(msgspec.json.encode, directory.services))
    return b'{"hsds_version":"%b","services":[\n%b\n]}\n' % (HSDS_VERSION.encode(), services)
