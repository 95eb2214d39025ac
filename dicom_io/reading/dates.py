"""The days that a header names, and which of them are believed.

A date that is later than the day on which the image came is a wrong clock or a typing error, and one of the
time before digital images is what clocks and programs write that know no date. Neither is a date here.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it loads pydicom, which nobody needs for the words of a finding
    from dicom_io.reading.instance import InstanceHeader

_DATE = re.compile(r"([0-9]{4})([./-]?)([0-9]{2})\2([0-9]{2})")
_ZONES_APART = timedelta(days=1)
_CLOCK_ZERO = date(1970, 1, 1)  # 00010101, 19000101 and this day stand for "not set"


def date_of(text: str) -> date | None:
    """Return the day that a DA value means; None where it means none.

    Dots between the parts, as ACR-NEMA had them, hyphens and slashes are read as meant.

    >>> date_of("2019.03.01") == date_of("20190301") == date(2019, 3, 1)
    True
    >>> date_of("00000000"), date_of("20190230"), date_of("01.03.2019")
    (None, None, None)
    """
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year, _, month, day = match.groups()
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def image_date(header: "InstanceHeader", *, received_on: date) -> date:
    """Return the day on which an image was taken, by the element that is nearest to the exposure.

    An image without a date counts as taken on the day on which it came, as most are.
    """
    nearest_first = (header.acquisition_date, header.content_date, header.series_date, header.study_date)
    return next(_believed(nearest_first, received_on), received_on)


def study_date(header: "InstanceHeader", *, received_on: date) -> date:
    """Return the day of a study, by an instance of it.

    That is the later of Study Date and Acquisition Date: one wrong clock, or a follow-up image in a study of
    last year, does not make a fresh image an old one. A study without a date is of the day on which it came.
    """
    days = list(_believed((header.study_date, header.acquisition_date), received_on))
    days += [] if days else _believed((header.series_date, header.content_date), received_on)
    return max(days, default=received_on)


def _believed(texts: Iterable[str], received_on: date) -> Iterator[date]:
    for day in map(date_of, texts):
        if day is not None and _CLOCK_ZERO < day <= received_on + _ZONES_APART:
            yield day
