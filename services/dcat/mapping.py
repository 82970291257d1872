"""A DCAT-US data set as a catalogue entry, and a listing's entry as a DCAT-US data set."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from schemas.catalogue import FORMATS_MAX, CatalogueEntry, Field, UpdateCycle

CONFORMS_TO: Final = "https://project-open-data.cio.gov/v1.1/schema"
NO_LICENCE: Final = "not stated"
NOT_PUBLIC: Final = "not public"
MAILTO: Final = "mailto:"
_CYCLES: Final = {
    "R/PT1S": UpdateCycle.REALTIME,
    "R/PT1H": UpdateCycle.REALTIME,
    "R/P1D": UpdateCycle.DAILY,
    "R/P1W": UpdateCycle.WEEKLY,
    "R/P7D": UpdateCycle.WEEKLY,
    "R/P1M": UpdateCycle.MONTHLY,
    "R/P3M": UpdateCycle.QUARTERLY,
    "R/P1Y": UpdateCycle.YEARLY,
}
_REPEATS: Final = {cycle: repeat for repeat, cycle in reversed(_CYCLES.items())}
# Beginnings of words that tell the field, the more telling ones first.
_WORDS: Final[dict[Field, tuple[str, ...]]] = {
    Field.SOCIAL_SECURITY: ("social security", "pension", "welfare", "disability", "social care"),
    Field.WORK_SAFETY: ("work safety", "occupational", "workplace", "mine safety", "accident"),
    Field.ENTERPRISE_REGISTRATION: ("business regist", "company regist", "corporat", "enterprise"),
    Field.QUALITY_SUPERVISION: ("inspection", "recall", "certification", "quality supervision"),
    Field.METEOROLOGY: ("meteorolog", "weather", "climat", "precipitation", "atmospher", "snow"),
    Field.OCEAN: ("ocean", "marine", "coast", "fisher", "tide"),
    Field.GEOGRAPHY: ("geospatial", "geograph", "map", "boundar", "parcel", "imagery", "gis"),
    Field.TRANSPORT: ("transport", "traffic", "transit", "road", "rail", "aviation", "parking"),
    Field.EDUCATION: ("educat", "school", "universit", "student"),
    Field.MEDICAL_CARE: ("medical", "hospital", "clinic", "physician", "medicare"),
    Field.HEALTH: ("health", "disease", "mortality", "nutrition", "covid"),
    Field.EMPLOYMENT: ("employ", "labor", "labour", "workforce", "wage", "job", "leave"),
    Field.AGRICULTURE: ("agricultur", "crop", "farm", "livestock", "food"),
    Field.ENVIRONMENT: ("environment", "pollut", "emission", "air quality", "waste", "ecolog"),
    Field.RESOURCES: ("forest", "energy", "water", "mineral", "oil", "electric", "land use"),
    Field.CREDIT: ("credit",),
    Field.FINANCE: ("financ", "econom", "budget", "tax", "loan", "mortgage", "spending"),
    Field.CULTURE: ("cultur", "museum", "librar", "tourism", "heritage", "recreation"),
    Field.TECHNOLOGY: ("technolog", "research", "science", "software", "patent"),
    Field.STATISTICS: ("statistic", "census", "population", "demograph"),
}


def entry_of(data_set: dict[str, Any]) -> CatalogueEntry:
    """Return the entry of a data set that the schema has found right."""
    rights, access = data_set.get("rights") or "", data_set["accessLevel"]
    title, abstract = data_set["title"], data_set["description"]
    return CatalogueEntry(
        title_en=title,
        title_zh=data_set.get("titleZh", title),
        abstract_en=abstract,
        abstract_zh=data_set.get("descriptionZh", abstract),
        field=field_of(data_set),
        update_cycle=_CYCLES.get(data_set.get("accrualPeriodicity") or "", UpdateCycle.OTHER),
        provider_name=data_set["publisher"]["name"],
        licence=data_set.get("license") or NO_LICENCE,
        open_to_public=access == "public",
        open_condition=rights if access == "restricted public" else "",
        share_condition=(rights or NOT_PUBLIC) if access == "non-public" else "",
        published_on=(data_set.get("issued") or "")[:10],
        modified_on=data_set["modified"],
        identifier=data_set["identifier"],
        keywords=tuple(data_set["keyword"]),
        formats=tuple(dict.fromkeys(_formats(data_set)))[:FORMATS_MAX],
        contact_name=data_set["contactPoint"]["fn"],
        contact_email=data_set["contactPoint"]["hasEmail"].removeprefix(MAILTO),
        source=_source(data_set),
    )


def field_of(data_set: dict[str, Any]) -> Field:
    """Return the field its themes speak of, else its keywords, else its title."""
    for text in (*(data_set.get("theme") or ()), *data_set["keyword"], data_set["title"]):
        bare = text.lower().strip().replace(" ", "_")
        if bare in set(Field):
            return Field(bare)
        spaced = f" {text.lower().replace('-', ' ')}"
        for field, beginnings in _WORDS.items():
            if any(f" {word}" in spaced for word in beginnings):
                return field
    return Field.STATISTICS


def data_set_of(
    listing: dict[str, Any], modified_on: str, contact: tuple[str, str]
) -> dict[str, Any]:
    """Return a listing as a data set; `modified_on` and `contact` (name, address) stand in for
    what its entry does not say.
    """
    entry = msgspec.convert(listing["entry"], CatalogueEntry)
    name, email = (entry.contact_name, entry.contact_email) if entry.contact_email else contact
    data_set = {
        "@type": "dcat:Dataset",
        "identifier": entry.identifier or listing["id"],
        "title": entry.title_en,
        "titleZh": entry.title_zh if entry.title_zh != entry.title_en else None,
        "description": entry.abstract_en,
        "descriptionZh": entry.abstract_zh if entry.abstract_zh != entry.abstract_en else None,
        "keyword": list(entry.keywords) or [entry.field.value],
        "theme": [entry.field.value],
        "modified": entry.modified_on or modified_on,
        "issued": entry.published_on or None,
        "publisher": {"@type": "org:Organization", "name": entry.provider_name},
        "contactPoint": {"@type": "vcard:Contact", "fn": name, "hasEmail": MAILTO + email},
        **_access(entry),
        "license": None if entry.licence == NO_LICENCE else entry.licence,
        "accrualPeriodicity": _REPEATS.get(entry.update_cycle),
        "landingPage": entry.source or None,
        "distribution": [
            {"@type": "dcat:Distribution", "mediaType" if "/" in kind else "format": kind}
            for kind in entry.formats
        ],
    }
    return {name: value for name, value in data_set.items() if value}


def _access(entry: CatalogueEntry) -> dict[str, str]:
    if entry.open_to_public:
        return {"accessLevel": "public"}
    if entry.share_condition and not entry.open_condition:
        return {"accessLevel": "non-public", "rights": entry.share_condition}
    return {"accessLevel": "restricted public", "rights": entry.open_condition}


def _formats(data_set: dict[str, Any]) -> Iterator[str]:
    for distribution in data_set.get("distribution") or ():
        if kind := distribution.get("mediaType") or distribution.get("format"):
            yield kind


def _source(data_set: dict[str, Any]) -> str:
    """Return where the data is to be had: its page, else the first address of its files."""
    addresses = [data_set.get("landingPage")]
    for distribution in data_set.get("distribution") or ():
        addresses += [distribution.get("downloadURL"), distribution.get("accessURL")]
    return next(filter(None, addresses), "")
