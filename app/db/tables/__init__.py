"""Tables hold records. Importing this package registers every table on `Base.metadata`."""

from app.db.tables.accounts import Account, ApiKey, BrowserSession, PasswordTry, SignInLink
from app.db.tables.agreement import OutsidePair, PairNote
from app.db.tables.analyses import Analysis, AnalysisImage, Classification, Prediction, Score
from app.db.tables.audit import AuditEntry, AuditHead
from app.db.tables.cells import Cell
from app.db.tables.controls import (
    Control,
    ControlResolution,
    ControlRun,
    ControlViolation,
    FrozenLimits,
    SealedAnswer,
    TimetableSlot,
)
from app.db.tables.corrections import Correction
from app.db.tables.deliveries import Delivery, DeliveryAttempt, EventCounter, WebhookEndpoint
from app.db.tables.donors import Donor
from app.db.tables.idempotency import IdempotentAnswer
from app.db.tables.jobs import Heartbeat, Job
from app.db.tables.model_versions import ModelVersion
from app.db.tables.promotions import Activation, ImpactPreview, LockedSample
from app.db.tables.references import ReferenceMeasurement
from app.db.tables.reports import Acknowledgement, Report, Signature
from app.db.tables.samples import InstrumentProfile, Sample, Well
from app.db.tables.scans import Scan, ScanImage
from app.db.tables.training_runs import TrainingRun, TrainingRunImage

__all__ = [
    "Account",
    "Acknowledgement",
    "Activation",
    "Analysis",
    "AnalysisImage",
    "ApiKey",
    "AuditEntry",
    "AuditHead",
    "BrowserSession",
    "Cell",
    "Classification",
    "Control",
    "ControlResolution",
    "ControlRun",
    "ControlViolation",
    "Correction",
    "Delivery",
    "DeliveryAttempt",
    "Donor",
    "EventCounter",
    "FrozenLimits",
    "Heartbeat",
    "IdempotentAnswer",
    "ImpactPreview",
    "InstrumentProfile",
    "Job",
    "LockedSample",
    "ModelVersion",
    "OutsidePair",
    "PairNote",
    "PasswordTry",
    "Prediction",
    "ReferenceMeasurement",
    "Report",
    "Sample",
    "Scan",
    "ScanImage",
    "Score",
    "SealedAnswer",
    "SignInLink",
    "Signature",
    "TimetableSlot",
    "TrainingRun",
    "TrainingRunImage",
    "WebhookEndpoint",
    "Well",
]  # fmt: skip
