"""Objects that were added to an API, with the synchronizers of what they declare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .declared import kept_by
from .registry import registry_of

if TYPE_CHECKING:
    from multiplayer.scene.multiplayer_api import MultiplayerAPI
    from multiplayer.scene.tree.objects import SceneObjects
    from multiplayer.variant.names import NodePath


def add_object(
    api: MultiplayerAPI, objects: SceneObjects, path: str | NodePath, member: object, authority: int
) -> None:
    """Add an object, and its synchronizer if it declares properties.

    Raises:
        MultiplayerError: as ``SceneMultiplayer.add``.
    """
    synchronizer = kept_by(member) if hasattr(member, "__dict__") else None
    if synchronizer is None:
        objects.add(path, member, authority)
        return
    registry_of(api).check(repr(member))
    objects.add(path, member, authority)
    synchronizer.set_multiplayer_authority(authority)
    objects.add_part(path, synchronizer, authority)
    synchronizer.added(api, str(path))


def remove_object(objects: SceneObjects, path: str | NodePath) -> None:
    """Remove what was added at a path, with its synchronizer.

    Raises:
        MultiplayerError: as ``SceneMultiplayer.remove``.
    """
    member = objects.added_at(path)
    synchronizer = kept_by(member) if hasattr(member, "__dict__") else None
    if synchronizer is not None:
        synchronizer.removed()
        objects.remove_part(synchronizer)
    objects.remove(path)


def set_authority_of_object(objects: SceneObjects, member: object, authority: int) -> None:
    """Say which peer is in charge of an object that was added.

    Raises:
        MultiplayerError: as ``SceneMultiplayer.set_multiplayer_authority``.
    """
    objects.set_authority(member, authority)
    synchronizer = kept_by(member) if hasattr(member, "__dict__") else None
    if synchronizer is not None:
        synchronizer.set_multiplayer_authority(authority)
