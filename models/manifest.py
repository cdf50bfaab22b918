"""What a network file is: how its input is made, what its output means, where it comes from.

The manifest travels with the ONNX file. It is read strictly: an unknown, missing or ill-typed
member is refused, because a network whose input is prepared wrongly still gives plausible answers.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, TypeVar

from app.domain.cell_looks import LOOK_NAMES
from app.domain.error_rates import ErrorRates
from app.domain.errors import InvalidInput
from app.domain.outlets import OUTLETS
from app.domain.population import TrainingDonors
from app.domain.training_config import ARCHITECTURES, TARGETS
from models.calibration import Calibration

FORMAT: Final = "pliant-model/1"
SHA256_HEX_DIGITS: Final = 64
OPTIONAL: Final = ("training_donors", "calibration", "error_rates")
"""Members that manifests from before there was a use for them lack."""

T = TypeVar("T")
_NUMBERS: Final = re.compile(r"\[\n(?: *-?[0-9][0-9.eE+-]*,?\n)+ *\]")


@dataclass(frozen=True)
class ScoreError:
    """Error of the image score on donors whose cells did not fit the network.

    Attributes
    ----------
    sd, bias
        Standard deviation and mean of RS(image) - RS(truth) over donors, in outlets.
    n_donors
        Donors behind both figures.
    definition
        What was subtracted from what, in one sentence.
    """

    sd: float
    bias: float
    n_donors: int
    definition: str


@dataclass(frozen=True)
class Manifest:
    """The network file's description.

    Attributes
    ----------
    name
        For people; unique within an installation.
    architecture, target
        ``compact`` or ``published``; ``outlet`` (a distribution over outlets) or ``class``.
    outlets
        The outlet each output column stands for, ascending. With target ``class`` the two columns
        stand for outlets 3 and 4, as in the published score (Lamoureux et al. 2023).
    crop_px
        Side of the square crops, pixels.
    normalisation
        Version of the crop normalisation the weights were fitted behind.
    opset
        ONNX operator set of the file.
    sha256
        Of the ONNX file, lower-case hexadecimal.
    demonstration
        True when fitted on drawn cells: such a network may show, never release.
    temperature
        By which the logits are divided inside the file; chosen on donors that did not fit it.
    training_prior
        Share of each output column among the cells that fitted the network; sums to 1.
    data, training, metrics
        Donors, cells and seeds; the saved configuration; figures on held-out donors.
    score_error
        None where no held-out donor could be scored.
    training_donors
        Looks of the donors that fitted the network, for the population guard
        (`app.domain.population.TrainingDonors`); None where they were not measured.
    calibration
        Errors over further donors of known truth (`models.calibration.Calibration`); None where
        there were none. Where there is one, scores take their error from it.
    error_rates
        Called and true cells of each donor, by networks the donor did not fit; None where donors
        were not held out.
    """

    name: str
    architecture: str
    target: str
    outlets: tuple[int, ...]
    crop_px: int
    normalisation: str
    opset: int
    sha256: str
    demonstration: bool
    temperature: float
    training_prior: tuple[float, ...]
    data: Mapping[str, Any]
    training: Mapping[str, Any]
    metrics: Mapping[str, Any]
    score_error: ScoreError | None
    training_donors: Mapping[str, Any] | None = None
    calibration: Mapping[str, Any] | None = None
    error_rates: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        _refuse_unless(self.target in TARGETS, f"target {self.target!r} is unknown")
        _refuse_unless(
            self.architecture in ARCHITECTURES, f"architecture {self.architecture!r} is unknown"
        )
        _refuse_unless(self.crop_px > 0, "crop_px is not positive")
        _refuse_unless(_is_sha256(self.sha256), "sha256 is not 64 lower-case hexadecimal digits")
        _refuse_unless(
            math.isfinite(self.temperature) and self.temperature > 0, "temperature is not positive"
        )
        self._check_outlets()
        self._check_prior()
        self._check_donors()

    def _check_donors(self) -> None:
        """Refuse what scoring could not read, before a sample waits for it."""
        try:
            donors = TrainingDonors.from_json(self.training_donors)
            if self.calibration is not None:
                Calibration.from_json(self.calibration)
            ErrorRates.from_json(self.error_rates, self.outlets)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise _refusal("training_donors, calibration or error_rates cannot be read") from error
        if donors is not None:
            _refuse_unless(
                donors.looks.shape == (len(donors.codes), len(LOOK_NAMES)),
                "training_donors are not one row of looks per donor",
            )

    def _check_outlets(self) -> None:
        _refuse_unless(len(self.outlets) >= 2, "fewer than two outlets")
        _refuse_unless(set(self.outlets) <= set(OUTLETS), "an outlet is not one of 1 to 12")
        _refuse_unless(list(self.outlets) == sorted(set(self.outlets)), "outlets are not ascending")

    def _check_prior(self) -> None:
        _refuse_unless(
            len(self.training_prior) == len(self.outlets), "training_prior is not one per outlet"
        )
        _refuse_unless(
            all(math.isfinite(share) and share > 0 for share in self.training_prior),
            "training_prior holds a share that is not positive",
        )
        _refuse_unless(abs(sum(self.training_prior) - 1.0) < 1e-6, "training_prior is not 1 in sum")

    def to_json(self) -> dict[str, Any]:
        """Return JSON values; `from_json` gives an equal manifest back."""
        values = {"format": FORMAT, **asdict(self)}
        values["outlets"] = list(self.outlets)
        values["training_prior"] = list(self.training_prior)
        return values

    def to_text(self) -> str:
        """Indented JSON, each list of numbers on one line: donors' looks are thousands of them."""
        text = json.dumps(self.to_json(), indent=2, allow_nan=False)
        return _NUMBERS.sub(lambda found: _join_lines(found.group()), text) + "\n"

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Manifest":
        """Read a manifest, refusing whatever is unknown, missing or of the wrong type.

        Raises
        ------
        InvalidInput
            ``model_manifest_invalid``, naming the member.
        """
        _refuse_unless(values.get("format") == FORMAT, f"format is not {FORMAT}")
        _check_members(
            dict.fromkeys(OPTIONAL) | dict(values),
            {"format", *(field.name for field in fields(cls))},
        )
        error = values["score_error"]
        return cls(
            name=_typed(values, "name", str),
            architecture=_typed(values, "architecture", str),
            target=_typed(values, "target", str),
            outlets=tuple(_whole(item, "outlets") for item in _typed(values, "outlets", list)),
            crop_px=_whole(values["crop_px"], "crop_px"),
            normalisation=_typed(values, "normalisation", str),
            opset=_whole(values["opset"], "opset"),
            sha256=_typed(values, "sha256", str),
            demonstration=_typed(values, "demonstration", bool),
            temperature=_real(values["temperature"], "temperature"),
            training_prior=tuple(
                _real(item, "training_prior") for item in _typed(values, "training_prior", list)
            ),
            data=_typed(values, "data", dict),
            training=_typed(values, "training", dict),
            metrics=_typed(values, "metrics", dict),
            score_error=None if error is None else _score_error(error),
            training_donors=_optional(values, "training_donors"),
            calibration=_optional(values, "calibration"),
            error_rates=_optional(values, "error_rates"),
        )

    @classmethod
    def from_text(cls, text: str | bytes) -> "Manifest":
        try:
            values = json.loads(text)
        except ValueError as error:
            raise _refusal("it is not JSON") from error
        _refuse_unless(isinstance(values, dict), "it is not a JSON object")
        return cls.from_json(values)


def _score_error(values: object) -> ScoreError:
    if not isinstance(values, dict):
        raise _refusal("score_error is not an object")
    _check_members(values, {field.name for field in fields(ScoreError)})
    return ScoreError(
        sd=_real(values["sd"], "score_error.sd"),
        bias=_real(values["bias"], "score_error.bias"),
        n_donors=_whole(values["n_donors"], "score_error.n_donors"),
        definition=_typed(values, "definition", str),
    )


def _check_members(values: Mapping[str, Any], expected: set[str]) -> None:
    for what, members in (("lacks", expected - set(values)), ("knows no", set(values) - expected)):
        if members:
            raise _refusal(f"it {what} {', '.join(sorted(members))}")


def _typed(values: Mapping[str, Any], name: str, kind: type[T]) -> T:
    value = values[name]
    if not isinstance(value, kind):
        raise _refusal(f"{name} is not of type {kind.__name__}")
    return value


def _join_lines(numbers: str) -> str:
    return " ".join(numbers.split()).replace("[ ", "[").replace(" ]", "]")


def _optional(values: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    return None if values.get(name) is None else _typed(values, name, dict)


def _whole(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _refusal(f"{name} is not a whole number")
    return value


def _real(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _refusal(f"{name} is not a finite number")
    return float(value)


def _is_sha256(text: str) -> bool:
    return len(text) == SHA256_HEX_DIGITS and set(text) <= set("0123456789abcdef")


def _refuse_unless(condition: bool, cause: str) -> None:  # noqa: FBT001  reads as a sentence
    if not condition:
        raise _refusal(cause)


def _refusal(cause: str) -> InvalidInput:
    return InvalidInput(
        "model_manifest_invalid", f"The model's manifest is refused: {cause}; export it again."
    )
