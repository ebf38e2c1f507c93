"""What the ways to wait have in common: ``peers.trio`` and ``peers.asyncio`` stand on it.

It imports neither library. What it needs of one is a :class:`~peers.driving.library.Library`; what
it needs of a peer is a :class:`~peers.driving.drivable.Drivable`. The contract between a driver and
a peer stands in ``docs/drivers.md``.
"""
