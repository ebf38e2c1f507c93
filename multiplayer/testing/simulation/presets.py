"""Presets: what networks of some kinds do to packets, with where the figures are from.

A preset is one direction of a link between a client and its server, the slower one where the two
differ. Latency is a half of the round trip that the source gives. Figures that the source does not
have are ours, and marked: no source measures reordering and duplication for a kind of network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiplayer.errors import Error, MultiplayerError

from .conditions import Conditions

if TYPE_CHECKING:
    from collections.abc import Mapping

LAN: Final = Conditions(latency=0.000_25, jitter=0.000_05, bandwidth=125e6)
"""A wired local network: gigabit Ethernet (IEEE 802.3ab), a round trip of half a millisecond (ours,
as ``ping`` shows it between two machines at one switch)."""

BROADBAND: Final = Conditions(
    latency=0.005, jitter=0.001, loss=0.0005, reordering=0.0001, bandwidth=2.5e6
)
"""A line at home: a round trip of 10 ms, the world's median of fixed broadband in 2022 (Ookla,
Speedtest Global Index); 20 Mbit/s up, 0.05 % loss, and jitter are ours."""

WIFI_BAD: Final = Conditions(
    latency=0.02, jitter=0.015, loss=0.02, duplication=0.001, reordering=0.01, bandwidth=625_000
)
"""A bad Wi-Fi with a line behind it: the 40 ms there and back of the profile "Wi-Fi" in the
``comcast`` tool, and ten times its loss (0.2 %); 5 Mbit/s, jitter, duplicates and reordering are
ours."""

MOBILE_4G: Final = Conditions(
    latency=0.014, jitter=0.008, loss=0.002, reordering=0.001, bandwidth=375_000
)
"""4G: a round trip of 28 ms, the world's median of mobile networks in 2022 (Ookla, Speedtest Global
Index); 3 Mbit/s up, as in Firefox's "Regular 4G/LTE"; jitter and loss are ours."""

MOBILE_3G: Final = Conditions(
    latency=0.075, jitter=0.025, loss=0.01, reordering=0.002, bandwidth=93_750
)
"""3G: a round trip of 150 ms and 750 kbit/s up, as in Lighthouse and WebPageTest ("Mobile 3G -
Fast"); 1 % loss as in BrowserStack's "3.5g-hspa-lossy"; jitter and reordering are ours."""

SATELLITE: Final = Conditions(
    latency=0.3, jitter=0.02, loss=0.005, reordering=0.001, bandwidth=375_000
)
"""A geostationary satellite: a round trip of 600 ms, of which light needs 480 for four times
35 786 km; 3 Mbit/s up, the least that the FCC calls broadband (2015); loss and jitter are ours."""

TERRIBLE: Final = Conditions(
    latency=0.25, jitter=0.1, loss=0.1, duplication=0.01, reordering=0.05, bandwidth=125_000
)
"""What nobody should have: 500 ms there and back, 10 % loss and 1 Mbit/s, as "Very Bad Network" in
Apple's Network Link Conditioner; jitter, duplicates and reordering are ours."""

PRESETS: Final[Mapping[str, Conditions]] = {
    "lan": LAN,
    "broadband": BROADBAND,
    "wifi_bad": WIFI_BAD,
    "mobile_4g": MOBILE_4G,
    "mobile_3g": MOBILE_3G,
    "satellite": SATELLITE,
    "terrible": TERRIBLE,
}
"""All of them, the best first, by their names in lower case."""


def preset(name: str) -> Conditions:
    """Return the preset of a name, in whatever case, as command lines and marks give it.

    Raises:
        MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is none.
    """
    found = PRESETS.get(name.lower())
    if found is None:
        message = f"there is no preset {name!r}; choose one of {', '.join(PRESETS)}"
        raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
    return found


def check_conditions(conditions: object) -> Conditions:
    """Return what somebody gives as conditions: those, a preset's name, or None for none.

    Raises:
        MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is no such preset;
            ``ERR_INVALID_PARAMETER``: it is neither.
    """
    if conditions is None:
        return Conditions()
    if isinstance(conditions, str):
        return preset(conditions)
    if isinstance(conditions, Conditions):
        return conditions
    message = f"{conditions!r} are no conditions; give Conditions(…) or a preset, such as WIFI_BAD"
    raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
