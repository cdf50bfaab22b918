"""Roles and permissions in plain words."""

from dataclasses import dataclass
from typing import Final

from app.security.permissions import PERMISSIONS, Permission, Role

PERMISSION_WORDS: Final = {
    Permission.READ_SAMPLES: "See samples, wells and images",
    Permission.EDIT_SAMPLES: "Enter samples and wells",
    Permission.UPLOAD_IMAGES: "Send images",
    Permission.REQUEST_ANALYSIS: "Ask for an analysis",
    Permission.READ_RESULTS: "See scores, cells and reports",
    Permission.EDIT_REFERENCES: "Enter reference measurements and notes",
    Permission.CORRECT: "Exclude and restore cells and images",
    Permission.SUBMIT: "Hand results in",
    Permission.RELEASE: "Sign and release results",
    Permission.AMEND: "Amend released results",
    Permission.READ_PROFILES: "See instrument profiles",
    Permission.EDIT_PROFILES: "Add instrument profiles",
    Permission.READ_MODELS: "See models and training runs",
    Permission.MANAGE_MODELS: "Train, activate and retire models",
    Permission.MANAGE_ACCOUNTS: "Manage users",
    Permission.MANAGE_KEYS: "Manage API keys",
    Permission.READ_AUDIT: "Read the audit trail",
    Permission.READ_HEALTH: "See the health of the installation",
    Permission.READ_CONTROLS: "See controls",
    Permission.RUN_CONTROLS: "Record control runs",
    Permission.MANAGE_CONTROLS: "Begin control lots, unlock release",
    Permission.MANAGE_WEBHOOKS: "Manage where messages are sent",
}
ROLE_WORDS: Final = {
    Role.TECHNICIAN: "Technician",
    Role.VERIFIER: "Verifier",
    Role.LIMS: "LIMS",
    Role.ADMINISTRATOR: "Administrator",
}
ROLE_SENTENCES: Final = {
    Role.TECHNICIAN: "Samples, images, corrections; hands results in.",
    Role.VERIFIER: "Like a technician; also signs, releases and amends what others handed in.",
    Role.LIMS: "Another program: its own samples and results, and nothing of others.",
    Role.ADMINISTRATOR: "Runs the installation; signs no results.",
}


@dataclass(frozen=True)
class PermissionRow:
    """One permission and which roles have it, in the order of the columns."""

    words: str
    held: tuple[bool, ...]


def role_names() -> tuple[str, ...]:
    return tuple(ROLE_WORDS[role] for role in Role)


def permission_table() -> tuple[PermissionRow, ...]:
    return tuple(
        PermissionRow(words_of(one), tuple(one in PERMISSIONS[role] for role in Role))
        for one in Permission
    )


def words_of(permission: Permission) -> str:
    return PERMISSION_WORDS.get(permission, permission.value.replace("_", " ").capitalize())
