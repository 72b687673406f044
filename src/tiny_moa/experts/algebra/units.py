"""Units of everyday measures, English and Korean, as exact factors; pure."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final


@dataclass(frozen=True)
class Unit:
    """One unit.

    Attributes:
        symbol: How it is written behind a number.
        kind: What it measures; only units of one kind turn into each other.
        factor: How many base units of its kind it is.
        offset: What is added after multiplying, for temperatures.
    """

    symbol: str
    kind: str
    factor: Fraction
    offset: Fraction = Fraction(0)


_TABLE: Final = """
length | km = 1000 | kilometer kilometers kilometre kilometres 킬로미터
length | m = 1 | meter meters metre metres 미터
length | cm = 1/100 | centimeter centimeters centimetre centimetres 센티미터 센티
length | mm = 1/1000 | millimeter millimeters millimetre millimetres 밀리미터
length | mi = 1609.344 | mile miles 마일
length | yd = 0.9144 | yard yards 야드
length | ft = 0.3048 | foot feet 피트
length | in = 0.0254 | inch inches 인치
length | nmi = 1852 | nautical_mile nautical_miles 해리
mass | kg = 1 | kilogram kilograms kilo kilos 킬로그램
mass | g = 1/1000 | gram grams 그램
mass | mg = 1/1000000 | milligram milligrams 밀리그램
mass | t = 1000 | tonne tonnes metric_ton metric_tons 톤
mass | lb = 0.45359237 | lbs pound pounds 파운드
mass | oz = 0.028349523125 | ounce ounces 온스
time | s = 1 | sec secs second seconds 초
time | min = 60 | mins minute minutes 분
time | h = 3600 | hr hrs hour hours 시간
time | d = 86400 | day days 일
time | week = 604800 | weeks 주
time | ms = 1/1000 | millisecond milliseconds 밀리초
speed | km/h = 5/18 | kph kmh kilometers_per_hour kilometres_per_hour km_per_hour 시속_킬로미터
speed | m/s = 1 | mps meters_per_second metres_per_second m/sec 초속_미터
speed | mph = 0.44704 | miles_per_hour mi/h
speed | m/min = 1/60 | meters_per_minute metres_per_minute
speed | ft/s = 0.3048 | feet_per_second
speed | kn = 463/900 | knot knots 노트
area | m^2 = 1 | m² m2 sqm square_meter square_meters square_metre square_metres 제곱미터 평방미터
area | km^2 = 1000000 | km² km2 square_kilometer square_kilometers square_kilometre square_kilometres 제곱킬로미터
area | cm^2 = 1/10000 | cm² cm2 square_centimeter square_centimeters square_centimetres 제곱센티미터
area | ha = 10000 | hectare hectares 헥타르
area | acre = 4046.8564224 | acres 에이커
area | ft^2 = 0.09290304 | ft² ft2 sqft square_foot square_feet 제곱피트
volume | L = 1 | l liter liters litre litres 리터
volume | mL = 1/1000 | ml milliliter milliliters millilitre millilitres 밀리리터 cc
volume | m^3 = 1000 | m³ m3 cubic_meter cubic_meters cubic_metre cubic_metres 세제곱미터
volume | cm^3 = 1/1000 | cm³ cm3 cubic_centimeter cubic_centimeters cubic_centimetres 세제곱센티미터
data | B = 1 | byte bytes 바이트
data | bit = 1/8 | bits 비트
data | KiB = 1024 | kibibyte kibibytes
data | MiB = 1048576 | mebibyte mebibytes
data | GiB = 1073741824 | gibibyte gibibytes
temperature | °C = 1 | C celsius degrees_celsius 섭씨 도_섭씨
temperature | K = 1 -273.15 | kelvin kelvins 켈빈
temperature | °F = 5/9 -160/9 | F fahrenheit degrees_fahrenheit 화씨
angle | ° = 1 | degree degrees deg 도
angle | rad = pi | radian radians 라디안
energy | J = 1 | joule joules 줄
energy | kJ = 1000 | kilojoule kilojoules 킬로줄
energy | kWh = 3600000 | kilowatt_hour kilowatt_hours 킬로와트시
"""
# Gallons, pints and cups differ between countries, kilobytes and calories between trades: they are left to the model.


def _read_table() -> dict[str, Unit]:
    units: dict[str, Unit] = {}
    for line in _TABLE.strip().splitlines():
        kind, definition, names = (part.strip() for part in line.split("|"))
        symbol, _, size = definition.partition(" = ")
        if size == "pi":
            continue  # no exact factor; such conversions are left to the model
        factor, _, offset = size.partition(" ")
        unit = Unit(symbol, kind, Fraction(factor), Fraction(offset or 0))
        for name in (symbol, *names.split()):
            units[name.replace("_", " ")] = unit
    return units


UNITS: Final = _read_table()
"""Each name of a unit, as it is written, and the unit."""
_LOWER: Final = {name.lower(): unit for name, unit in UNITS.items() if len(name) > 2}


def find_unit(name: str) -> Unit | None:
    """Give the unit of a name; short symbols keep their case, words do not."""
    name = " ".join(name.split())
    return UNITS.get(name) or _LOWER.get(name.lower())


def convert(amount: Fraction, source: Unit, target: Unit) -> Fraction | None:
    """Give the amount in another unit, exactly; `None` when the two measure different things."""
    if source.kind != target.kind:
        return None
    base = amount * source.factor + source.offset
    return (base - target.offset) / target.factor
