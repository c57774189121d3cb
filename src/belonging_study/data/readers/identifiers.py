"""Columns that identify a person leave on reading, before anything else sees the table."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from itertools import permutations

import pandas as pd

from belonging_study.data.coding.answers import normalise_text
from belonging_study.data.export import Export

__all__ = ["drop_identifiers"]

_KINDS: dict[str, tuple[str, ...]] = {
    "IP address": ("ipaddress", "ipaddr", "ip"),
    "location": (
        "locationlatitude", "locationlongitude", "locationaccuracy", "latitude", "longitude", "geolocation", "gps",
        "gpscoordinates",
    ),
    "device": ("useragent", "deviceid", "devicetype", "deviceidentifier", "devicedata"),
    "birth date": (
        "birthdate", "dateofbirth", "dob", "birthday", "geburtsdatum", "fechadenacimiento", "datedenaissance",
        "datadenascimento", "datadinascita", "geboortedatum",
    ),
    "e-mail address": (
        "email", "emailaddress", "recipientemail", "participantemail", "studentemail", "username", "emailadresse",
        "nutzername", "adresseemail", "correoelectronico", "direcciondecorreoelectronico", "enderecodeemail",
        "indirizzoemail", "emailadres",
    ),
    "name": (
        "name", "firstname", "lastname", "surname", "givenname", "familyname", "fullname", "studentname",
        "participantname", "recipientname", "recipientfirstname", "recipientlastname",
        "nombre", "apellido", "apellidos", "vorname", "nachname", "familienname", "prenom", "prénom", "nomdefamille",
        "sobrenome", "apelido", "cognome", "voornaam", "achternaam", "teachername", "classteacher", "homeroomteacher",
    ),
    "phone number": ("phone", "phonenumber", "mobile", "mobilephone", "recipientphone"),
    "response id": ("responseid", "recordid"),
}  # fmt: skip
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names}
_DEVICE = re.compile(r"^(.+)_(browser|version|operating system|resolution|user agent)$", re.IGNORECASE)
_EMAIL = re.compile(r"^\s*[^@\s]+@[^@\s]+\.[^@\s]+\s*$")


def drop_identifiers(export: Export, keep: Collection[str] = ()) -> Export:
    """Leave out the columns that identify a person.

    Names, birth dates, e-mail addresses, IP addresses, locations, phone numbers, device details and the survey
    tool's own response id go, by the names under which survey tools export them; so does any column of text whose
    values are all e-mail addresses, and any that the file's data dictionary marks as identifying a person.

    Parameters
    ----------
    export : Export
        A file as read.
    keep : collection of str
        Columns that the study names, such as the e-mail address that links the survey to the roster: they stay.
        Case, spacing and punctuation do not matter; a question's wording names its column as well.

    Returns
    -------
    Export
        Without those columns; their kinds are added to ``dropped_columns``.

    Examples
    --------
    >>> export = Export(pd.DataFrame({"Email Address": ["a@b.org"], "q1": ["Agree"]}), "delimited")
    >>> clean = drop_identifiers(export)
    >>> list(clean.table.columns), clean.dropped_columns
    (['q1'], ('e-mail address',))
    """
    wanted = {normalise_text(name) for name in keep}
    devices = {str(m[1]) for m in map(_DEVICE.match, export.table.columns) if m and m[2].lower() == "browser"}
    kinds: dict[str, str] = {}
    for position, column in enumerate(export.table.columns):
        if normalise_text(column) in wanted or normalise_text(export.questions.get(column, "")) in wanted - {""}:
            continue
        plain = re.sub(r"[\W_]+", "", column.casefold())
        device = _DEVICE.match(column)
        if plain in _KIND_OF:
            kinds[column] = _KIND_OF[plain]
        elif device and device[1] in devices:
            kinds[column] = "device"
        elif column in export.identifying:
            kinds[column] = "identifier in the data dictionary"
        elif _all_emails(export.table.iloc[:, position]):
            kinds[column] = "e-mail address"
    if not kinds:
        return export
    return replace(
        export,
        table=export.table.drop(columns=list(kinds)),
        questions={c: text for c, text in export.questions.items() if c not in kinds},
        labels={c: labels for c, labels in export.labels.items() if c not in kinds},
        missing_codes={c: codes for c, codes in export.missing_codes.items() if c not in kinds},
        missing_counts={c: counts for c, counts in export.missing_counts.items() if c not in kinds},
        dropped_columns=tuple(sorted({*export.dropped_columns, *kinds.values()})),
        names=_names(export.table[[column for column, kind in kinds.items() if kind == "name"]]),
    )


def _names(columns: pd.DataFrame) -> frozenset[str]:
    """Give names in small letters: side by side in both orders, and each word of three letters or more."""
    found: set[str] = set()
    people = columns.dropna(how="all").drop_duplicates().fillna("").astype(str)
    parts = [people.iloc[:, at].str.strip().str.casefold() for at in range(people.shape[1])]
    for one in parts:
        found |= {word for text in set(one) for word in re.findall(r"[^\W\d_]{3,}", text)}
    if len(parts) == 1:
        found |= {text for text in set(parts[0]) if " " in text}
    for first, last in permutations(parts, 2):
        found |= set((first + " " + last)[(first != "") & (last != "")])
    return frozenset(found)


def _all_emails(values: pd.Series) -> bool:
    """Whether the first answers of a text column are e-mail addresses, all of them."""
    if pd.api.types.is_numeric_dtype(values):
        return False
    first = values.dropna().head(20)
    return len(first) > 0 and all(_EMAIL.match(str(value)) for value in first)
