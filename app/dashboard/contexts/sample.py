"""A sample's page: one headline, the reference on the same scale, wells, findings."""

from dataclasses import dataclass

from markupsafe import Markup

from app.dashboard.contexts.references import ReferenceForm, ReferenceRow, ReferenceSummary
from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.signing import SignOffPart
from app.dashboard.contexts.wording import Chip, DinText, FindingText, MomentText


@dataclass(frozen=True)
class Fact:
    name: str
    value: str


@dataclass(frozen=True)
class TwoWidths:
    """One chart drawn for a desk and for a phone, so that its text keeps its size on both."""

    wide: Markup
    narrow: Markup


@dataclass(frozen=True)
class ScorePart:
    """A donor score, ready to be shown."""

    rigidity: str
    interval: str
    crossing: str
    deformability: str
    deformability_interval: str
    counted: str
    published: str
    replicates: str | None
    basis: str
    population: str
    look_corrected: str | None
    computed: MomentText
    model_name: str
    model_href: str | None
    is_demonstration_model: bool
    method: str
    wells: TwoWidths | None


@dataclass(frozen=True)
class UnavailablePart:
    """Why there is no donor score, and what the cells seen so far say."""

    heading: str
    reasons: tuple[str, ...]
    cells: str | None
    share: str | None


@dataclass(frozen=True)
class UnaskedPart:
    """Nobody asked for a score yet, as after an upload that was cut off; what to do about it."""

    says: str
    next_step: str
    may_score: bool


@dataclass(frozen=True)
class ProgressPart:
    """An analysis under way; the page follows its events."""

    analysis_id: str
    images_done: int
    images_total: int


@dataclass(frozen=True)
class OutletRow:
    outlet: int
    constriction: str
    image: str
    image_cumulated: str
    reference: str
    reference_cumulated: str


@dataclass(frozen=True)
class CurvesPart:
    chart: TwoWidths
    rows: tuple[OutletRow, ...]
    has_image: bool
    has_reference: bool


@dataclass(frozen=True)
class WellRow:
    id: str
    href: str
    name: str
    content: str
    n_images: int
    accepted: int
    partly: int
    rejected: int
    pending: int
    cells: str
    score: str | None


@dataclass(frozen=True)
class RefusedImage:
    """An image that was stored but cannot be used, with the reason in words."""

    href: str
    filename: str
    well: str
    message: str


@dataclass(frozen=True)
class UploadPart:
    """What the upload module reads from the page."""

    sample_id: str
    sample_href: str
    max_file_bytes: int
    limits: str


@dataclass(frozen=True)
class SlopeText:
    """What a slope says, in words first; `figures` is empty where it is not assessable."""

    name: str
    words: str
    figures: str
    basis: str
    method: str


@dataclass(frozen=True)
class HistoryPart:
    """The unit of a sample on the sample's own page."""

    href: str
    chart: TwoWidths | None
    slope: SlopeText
    samples: str


@dataclass(frozen=True)
class SamplePage:
    id: str
    href: str
    donor_code: str
    din: DinText | None
    state: Chip
    facts: tuple[Fact, ...]
    notes: str | None
    is_demonstration: bool
    may_edit: bool
    progress: ProgressPart | None
    failure: str | None
    score: ScorePart | None
    unavailable: UnavailablePart | None
    scale: TwoWidths | None
    reference: ReferenceSummary | None
    curves: CurvesPart | None
    wells: tuple[WellRow, ...]
    n_pending: int
    findings: tuple[FindingText, ...]
    refused: tuple[RefusedImage, ...]
    corrected: str | None
    advice: tuple[str, ...]
    references: tuple[ReferenceRow, ...]
    reference_form: ReferenceForm
    upload: UploadPart
    history: HistoryPart | None = None
    sign_off: SignOffPart | None = None
    unasked: UnaskedPart | None = None
    is_handed_in: bool = False
    notice: Notice | None = None


@dataclass(frozen=True)
class UploadPage:
    donor_code: str
    upload: UploadPart
    is_closed: bool = False
    """Handed in or released: nothing may be added any more."""
