"""The agreement page with the ten published pairs, one of them made to stand out, and with none."""

import datetime as dt
import uuid
from dataclasses import replace

from app.dashboard.contexts.agreement import AgreementPage, PairForm, agreement_page
from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.wording import FormValues
from app.domain.method_comparison import Outliers, Pairs, compare
from app.domain.method_comparison.findings import findings_of
from app.domain.method_comparison.published import DONORS, NETWORK, SOURCE
from app.services.agreement import AgreementView, PairSource, PairView, Selection
from app.services.outside_pairs import NoteView

NOTE = NoteView(uuid.UUID(int=99), "clotted sample", dt.datetime(2026, 11, 21, tzinfo=dt.UTC), "a")


def pairs() -> tuple[PairView, ...]:
    first = PairView(
        id=uuid.UUID(int=0), origin=PairSource.HERE, sample_id=uuid.UUID(int=0),
        donor_code="D-1", storage_day=3, measured_on=dt.date(2026, 11, 20), reference_score=3.0,
        image_score=4.2, difference=1.2, percent_deviation=120.0, n_runs=2,
        measured_with="compact-1", model_version_id=None, is_demonstration=True, source=None,
        notes=(NOTE,),
    )  # fmt: skip
    elsewhere = tuple(
        PairView(
            id=uuid.UUID(int=donor.number), origin=PairSource.ELSEWHERE, sample_id=None,
            donor_code=f"published {donor.number}", storage_day=donor.storage_day,
            measured_on=dt.date(2026, 11, 20), reference_score=donor.reference_score,
            image_score=donor.image_score,
            difference=donor.image_score - donor.reference_score,
            percent_deviation=100 * abs(donor.image_score - donor.reference_score), n_runs=None,
            measured_with=NETWORK, model_version_id=None, is_demonstration=False, source=SOURCE,
        )
        for donor in DONORS
    )  # fmt: skip
    return (first, *elsewhere)


def view(given: tuple[PairView, ...]) -> AgreementView:
    figures = compare(
        Pairs.of([pair.reference_score for pair in given], [pair.image_score for pair in given])
    )
    far = figures.outliers.places if isinstance(figures.outliers, Outliers) else ()
    marked = tuple(replace(pair, is_outlier=n in far) for n, pair in enumerate(given))
    return AgreementView(
        selection=Selection(),
        n=len(given),
        n_donor_days=len(given),
        n_recommended=40,
        is_enough=False,
        message=f"{len(given)} of 40 pairs: the figures are shown, and nothing is passed or failed."
        if given
        else "No pairs yet.",
        is_demonstration=bool(given),
        bland_altman=figures.bland_altman,
        single_run=None,
        deming=figures.deming,
        passing_bablok=figures.passing_bablok,
        percent_deviation=figures.percent_deviation,
        pearson=figures.pearson,
        outliers=figures.outliers,
        findings=findings_of(
            figures, [pair.measured_with for pair in given], [pair.donor_code for pair in given]
        ),
        pairs=marked,
        withdrawn=tuple(replace(pair, withdrawn_reason="typed wrongly") for pair in given[-1:]),
    )


def page(form: PairForm = PairForm(FormValues())) -> AgreementPage:  # noqa: B008  frozen value
    return agreement_page(
        view(pairs()), ["compact-1", NETWORK], has_drawn=True, may_edit=True, form=form
    )


def refused_page() -> AgreementPage:
    refused = Notice("Line 3, reference_score: it is not a number: abc; nothing was stored.")
    return page(PairForm(FormValues(), table="donor_code\n", table_notice=refused, is_open=True))


def empty_page() -> AgreementPage:
    form = PairForm(FormValues())
    return agreement_page(view(()), [], has_drawn=True, may_edit=True, form=form)
