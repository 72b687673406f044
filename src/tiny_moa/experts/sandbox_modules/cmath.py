"""Complex numbers by length and angle, and their square roots."""

from __future__ import annotations

import math

pi, e, tau, inf, nan = math.pi, math.e, math.tau, math.inf, math.nan


def phase(z: complex) -> float:
    """The angle of a number."""
    z = complex(z)
    return math.atan2(z.imag, z.real)


def polar(z: complex) -> tuple[float, float]:
    """The length and the angle of a number."""
    z = complex(z)
    return math.hypot(z.real, z.imag), math.atan2(z.imag, z.real)


def rect(r: float, phi: float) -> complex:
    """The number of a length and an angle."""
    return complex(r * math.cos(phi), r * math.sin(phi))


def exp(z: complex) -> complex:
    """The exponential."""
    z = complex(z)
    return rect(math.exp(z.real), z.imag)


def sqrt(z: complex) -> complex:
    """The square root with a real part that is not negative."""
    z = complex(z)
    size = math.hypot(z.real, z.imag)
    if size == 0:
        return complex(0.0, z.imag)
    if z.real >= 0:
        real = math.sqrt((size + z.real) / 2)
        return complex(real, z.imag / (2 * real))
    imag = math.copysign(math.sqrt((size - z.real) / 2), z.imag)
    return complex(z.imag / (2 * imag), imag)
