"""The dashboard on a real database: signing in, forms that are refused, pages of results."""

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.dashboard.contexts.cells import LINES_PER_PAGE
from app.db.session import transaction
from app.security.permissions import SYSTEM, Role
from app.services import accounts, analyses, references
from app.services.references import EnteredReference
from tests.integration.conftest import Site
from tests.laboratory import NEEDS, Laboratory, open_laboratory, some_donor

PASSWORD = "a sentence that is long enough"
FROM_OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


def new_link(site: Site, role: Role = Role.TECHNICIAN) -> str:
    """The path of a one-time link for a new account named like its role."""
    with transaction(site.sessions) as session:
        account = accounts.create_account(session, SYSTEM, name=role.value, role=role)
        return accounts.make_sign_in_link(session, SYSTEM, account.id)


def visitor(site: Site) -> TestClient:
    client = site.client()
    client.headers.update(FROM_OWN_PAGE)
    return client


def signed_in(site: Site, role: Role = Role.TECHNICIAN) -> TestClient:
    client = visitor(site)
    assert client.post(new_link(site, role), data={"password": PASSWORD}).status_code == 303
    return client


@pytest.fixture
def person(site: Site) -> TestClient:
    return signed_in(site)


@pytest.fixture
def laboratory(site: Site, database_url: str, tmp_path: Path) -> Iterator[Laboratory]:
    """Yield a laboratory whose rows and files are those of the site."""
    yield open_laboratory(site.sessions, database_url, tmp_path)


def words(page: str) -> str:
    """What a reader sees of a page, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_a_link_signs_in_once_and_sets_the_password(site: Site) -> None:
    link, client = new_link(site), visitor(site)
    assert "one-time link" in client.get(link).text
    first = client.post(link, data={"password": PASSWORD})
    assert (first.status_code, first.headers["location"]) == (303, "/samples")
    assert client.get("/samples").status_code == 200
    second = visitor(site).post(link, data={"action": "later"})
    assert second.status_code == 401
    assert "unknown, used or too old" in second.text
    entered = visitor(site).post("/sign-in", data={"name": "technician", "password": PASSWORD})
    assert entered.status_code == 303


def test_a_weak_password_leaves_the_link_unused(site: Site) -> None:
    link, client = new_link(site), visitor(site)
    refused = client.post(link, data={"password": "short"})
    assert refused.status_code == 422
    assert "set-cookie" not in refused.headers
    assert client.post(link, data={"password": PASSWORD}).status_code == 303


def test_looking_around_first_needs_no_password(site: Site) -> None:
    client = visitor(site)
    assert client.post(new_link(site), data={"action": "later"}).status_code == 303
    assert "Set a password" in client.get("/account").text
    saved = client.post("/account/password", data={"password": PASSWORD})
    assert saved.headers["location"] == "/account?saved=true"
    assert "Change the password" in client.get("/account").text


def test_a_wrong_password_says_neither_which_nor_why(site: Site) -> None:
    signed_in(site)
    answers = [
        visitor(site).post("/sign-in", data={"name": name, "password": "wrong"})
        for name in ("technician", "nobody")
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert all("Name and password do not fit" in answer.text for answer in answers)


@pytest.mark.parametrize(
    ("asked", "reached"),
    [
        ("/samples?state=running", "/samples?state=running"),
        ("https://elsewhere.example/", "/samples"),
        ("//elsewhere.example", "/samples"),
        ("/\\elsewhere.example", "/samples"),
        ("/\nSet-Cookie: a=b", "/samples"),
    ],
)
def test_sign_in_leads_back_but_never_elsewhere(site: Site, asked: str, reached: str) -> None:
    signed_in(site)
    form = {"name": "technician", "password": PASSWORD, "next": asked}
    assert visitor(site).post("/sign-in", data=form).headers["location"] == reached


def test_a_page_asks_the_stranger_to_sign_in_and_remembers_where_to(site: Site) -> None:
    answer = visitor(site).get("/samples?state=running")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/sign-in?next=/samples%3Fstate%3Drunning",
    )


@pytest.mark.parametrize("form", ["submit", "release", "references", "analyses"])
def test_a_form_sent_after_the_session_ended_leads_back_to_its_page_and_not_to_a_dead_end(
    site: Site, form: str
) -> None:
    sample = f"/samples/{uuid.uuid4()}"
    answer = visitor(site).post(f"{sample}/{form}", data={})
    assert answer.headers["location"] == f"/sign-in?next={sample}"


def test_a_refused_step_leads_back_to_the_sample_it_was_about(person: TestClient) -> None:
    made = person.post("/samples", data={"donor_code": "D-7", "container": "blood_bag"})
    sample = made.headers["location"]
    refused = person.post(f"{sample}/analyses")
    assert refused.status_code == 409
    assert f'href="{sample}">Back to the sample' in refused.text
    assert "Back to the sample<" not in person.get("/samples/nothing/here").text


def test_signing_out_ends_the_session_on_the_server(site: Site, person: TestClient) -> None:
    token = person.cookies["pliant"]
    assert person.post("/sign-out").headers["location"] == "/sign-in"
    stolen = visitor(site)
    stolen.cookies.set("pliant", token)
    assert stolen.get("/samples").status_code == 303


def test_a_form_from_a_foreign_page_changes_nothing(person: TestClient) -> None:
    form = {"donor_code": "D-1", "container": "blood_bag"}
    refused = person.post("/samples", data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert refused.status_code == 403
    assert "No samples yet" in person.get("/samples").text


def test_a_mistyped_donation_number_is_refused_at_its_field(person: TestClient) -> None:
    form = {"donor_code": "D-7", "container": "segment", "din": "A999921123457X"}
    refused = person.post("/samples", data=form)
    assert refused.status_code == 422
    assert "check character do not fit" in refused.text
    assert re.search(r'id="din"[^>]*value="A999921123457X"[^>]*aria-invalid="true"', refused.text)
    assert 'value="segment" checked' in refused.text


def test_a_registered_sample_is_found_by_any_of_its_numbers(person: TestClient) -> None:
    form = {
        "donor_code": "D-7", "container": "blood_bag", "din": "=A99992112345663",
        "accession_number": "ACC-1",
    }  # fmt: skip
    made = person.post("/samples", data=form)
    page = words(person.get(made.headers["location"]).text)
    assert "A9999 21 123456" in page
    assert "Drop the folder" in page
    for text in ("D-7", "ACC-1", "A9999 21 123456 3"):
        assert "D-7" in words(person.get("/samples", params={"text": text}).text)
    assert "No sample matches" in person.get("/samples", params={"text": "D-8"}).text


def test_markup_in_a_note_stays_text(person: TestClient) -> None:
    form = {"donor_code": "D-7", "container": "blood_bag", "notes": "<script>alert(1)</script>"}
    made = person.post("/samples", data=form)
    page = person.get(made.headers["location"]).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_a_reference_is_kept_and_a_wrong_one_is_shown_again(person: TestClient) -> None:
    form = {"donor_code": "D-7", "container": "blood_bag"}
    sample = person.post("/samples", data=form).headers["location"]
    wrong = {"entered_as": "counts", "counts_3": "four", "device": "Ratchet 2"}
    refused = person.post(f"{sample}/references", data=wrong)
    assert refused.status_code == 422
    assert "Outlet 3 is not a number: four" in refused.text
    assert 'value="Ratchet 2"' in refused.text
    right = {"entered_as": "counts", "counts_3": "4500", "counts_4": "5500"}
    assert person.post(f"{sample}/references", data=right).status_code == 303
    assert "3.09" in words(person.get(sample).text)


def test_a_lost_page_names_the_request(person: TestClient) -> None:
    lost = person.get("/samples/00000000-0000-0000-0000-000000000000")
    assert lost.status_code == 404
    assert "There is no such sample" in lost.text
    assert lost.headers["x-request-id"] in lost.text
    assert "technician" in lost.text


def test_too_few_images_show_cells_but_no_donor_score(
    person: TestClient, laboratory: Laboratory
) -> None:
    sample_id = laboratory.take_sample("D-7")
    laboratory.send_drawn(sample_id, some_donor(), images_per_well=3)
    assert person.post(f"/samples/{sample_id}/analyses").status_code == 303
    assert "Analysing the images" in person.get(f"/samples/{sample_id}").text
    laboratory.run_queue()
    page = words(person.get(f"/samples/{sample_id}").text)
    assert "Not a donor score: needs 17 more images in unsorted 1" in page
    assert re.search(r"Called deformable among them \d+ %", page)
    assert "Image rigidity score" not in page
    assert "nothing can be handed in yet. Add the images or wells that are missing" in page
    assert f'href="/samples/{sample_id}/lims"' in person.get(f"/samples/{sample_id}").text


def test_an_upload_that_was_cut_off_leaves_a_page_with_a_next_step(
    person: TestClient, laboratory: Laboratory
) -> None:
    sample_id = laboratory.take_sample("D-7")
    laboratory.send_drawn(sample_id, some_donor(), images_per_well=1)
    page = words(person.get(f"/samples/{sample_id}").text)
    assert "2 images, and no score was asked for." in page
    assert "Score again" not in page
    asked = person.post(f"/samples/{sample_id}/analyses")
    assert asked.status_code == 303
    assert "no score was asked for" not in words(person.get(f"/samples/{sample_id}").text)


def test_a_scored_sample_shows_the_numbers_of_the_interface(
    person: TestClient, laboratory: Laboratory
) -> None:
    sample_id = laboratory.take_sample("D-7")
    laboratory.send_drawn(sample_id, some_donor(), images_per_well=3)
    with transaction(laboratory.sessions) as session:
        analyses.request_analysis(session, SYSTEM, sample_id, parameters=NEEDS)
        entered = EnteredReference(counts={3: 4500, 4: 5500})
        references.add_reference(session, SYSTEM, sample_id, entered, run_sd=0.17)
    laboratory.run_queue()
    score: dict[str, Any] = person.get(f"/api/v1/samples/{sample_id}/score").json()
    page = words(person.get(f"/samples/{sample_id}").text)
    low, high = score["rigidity_interval"]
    assert f"{score['rigidity_score']:.2f} 95 % interval {low:.2f} to {high:.2f}" in page
    assert f"{score['comparison']['delta']:+.2f}".replace("-", "−") in page
    assert "Demonstration model" in page
    assert f"{score['rigidity_score']:.2f}" in words(person.get("/samples").text)


def test_a_well_and_an_image_tell_what_was_seen(person: TestClient, laboratory: Laboratory) -> None:
    sample_id = laboratory.take_sample("D-7")
    wells = laboratory.send_drawn(sample_id, some_donor(), images_per_well=2)
    laboratory.run_queue()
    well = person.get(f"/wells/{wells[1]}").text
    assert "2 images: 2 used, 0 not used" in words(well)
    image_path = re.findall(r'href="(/images/[0-9a-f-]+)"', well)[0]
    image = person.get(image_path).text
    assert "1 of 2" in words(image)
    cells = person.get(f"/api/v1{image_path}/cells").json()["items"]
    assert image.count("data-cell=") == min(len(cells), LINES_PER_PAGE) > 0


def test_a_model_version_shows_its_manifest_and_its_mark(
    person: TestClient, laboratory: Laboratory
) -> None:
    versions = person.get("/model-versions").text
    path = re.findall(r'href="(/model-versions/[0-9a-f-]+)"', versions)[0]
    page = words(person.get(path).text)
    assert "A demonstration model." in page
    assert "Outlets trained on 2, 3, 4, 5" in page


def test_only_who_may_read_models_is_led_to_them(site: Site, laboratory: Laboratory) -> None:
    lims = signed_in(site, Role.LIMS)
    assert "/model-versions" not in lims.get("/samples").text
    refused = lims.get("/model-versions")
    assert refused.status_code == 403
    assert "You may not do this" in refused.text


def test_the_folder_to_try_says_that_it_is_still_drawn(person: TestClient) -> None:
    assert "is being drawn" in person.get("/try-it").text
    assert person.get("/try-it.zip").status_code == 404
