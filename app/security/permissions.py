"""Who may do what: roles, permissions, and the principal that a request acts for."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    TECHNICIAN = "technician"
    VERIFIER = "verifier"
    LIMS = "lims"
    ADMINISTRATOR = "administrator"


class Permission(StrEnum):
    READ_SAMPLES = "read_samples"
    EDIT_SAMPLES = "edit_samples"
    UPLOAD_IMAGES = "upload_images"
    REQUEST_ANALYSIS = "request_analysis"
    READ_RESULTS = "read_results"
    EDIT_REFERENCES = "edit_references"
    CORRECT = "correct"
    SUBMIT = "submit"
    RELEASE = "release"
    AMEND = "amend"
    READ_PROFILES = "read_profiles"
    EDIT_PROFILES = "edit_profiles"
    READ_MODELS = "read_models"
    MANAGE_MODELS = "manage_models"
    MANAGE_ACCOUNTS = "manage_accounts"
    MANAGE_KEYS = "manage_keys"
    READ_AUDIT = "read_audit"
    READ_HEALTH = "read_health"
    READ_CONTROLS = "read_controls"
    RUN_CONTROLS = "run_controls"
    MANAGE_CONTROLS = "manage_controls"
    MANAGE_WEBHOOKS = "manage_webhooks"


_LIMS: Final = frozenset(
    {
        Permission.READ_SAMPLES,
        Permission.EDIT_SAMPLES,
        Permission.UPLOAD_IMAGES,
        Permission.REQUEST_ANALYSIS,
        Permission.READ_RESULTS,
        Permission.EDIT_REFERENCES,
        Permission.READ_PROFILES,
        Permission.MANAGE_WEBHOOKS,
    }
)
_LABORATORY: Final = (_LIMS - {Permission.MANAGE_WEBHOOKS}) | {
    Permission.READ_MODELS,
    Permission.CORRECT,
    Permission.SUBMIT,
    Permission.READ_CONTROLS,
    Permission.RUN_CONTROLS,
}
_SIGNING: Final = frozenset({Permission.RELEASE, Permission.AMEND})
"""A verifier's alone: who runs the installation vouches for no result."""

PERMISSIONS: Final[dict[Role, frozenset[Permission]]] = {
    Role.LIMS: _LIMS,
    Role.TECHNICIAN: _LABORATORY,
    Role.VERIFIER: _LABORATORY | _SIGNING | {Permission.MANAGE_CONTROLS},
    Role.ADMINISTRATOR: frozenset(Permission) - _SIGNING,
}


@dataclass(frozen=True)
class Principal:
    """Who a request acts for: an account, an API key, or the program itself.

    `sees_all` is false for a lims key: it sees the rows it made, and nothing else exists for it.
    `scopes` limit a key to some of its role's permissions; None: to none fewer.
    """

    id: str
    name: str
    role: Role
    sees_all: bool
    scopes: frozenset[Permission] | None = None

    def permits(self, permission: Permission) -> bool:
        return permission in self.permissions

    @property
    def permissions(self) -> frozenset[Permission]:
        allowed = PERMISSIONS[self.role]
        return allowed if self.scopes is None else allowed & self.scopes

    @property
    def owner(self) -> str | None:
        """The `created_by` that rows must have to exist for this principal; None for any."""
        return None if self.sees_all else self.id


SYSTEM: Final = Principal("system", "Pliant", Role.ADMINISTRATOR, sees_all=True)
"""The program itself: first start, demonstration, command line."""
