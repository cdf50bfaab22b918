"""The upload's parts, run in the browser that will run them."""

import hashlib
from typing import Any

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@pytest.fixture
def module(page: Page, preview_url: str) -> Page:
    page.goto(f"{preview_url}/try-it")
    return page


def read_name(page: Page, folder: str) -> dict[str, Any]:
    script = "async (name) => (await import('/static/js/upload/wells.js')).readName(name)"
    read: dict[str, Any] = page.evaluate(script, folder)
    return read


@pytest.mark.parametrize(
    ("folder", "outlet", "number", "position"),
    [
        ("try-it/well_1", "unsorted", 1, ""),
        ("donor 3/Well 2", "unsorted", 2, ""),
        ("plate/B2", "unsorted", None, "B2"),
        ("plate/b03", "unsorted", None, "B3"),
        ("unsorted_2", "unsorted", 2, ""),
        ("outlet_4_well_2", 4, 2, ""),
        ("Outlet 12 W1", 12, 1, ""),
        ("t5_1", 5, 1, ""),
        ("P24", "unsorted", None, "P24"),
        ("day1", "unsorted", None, ""),
        ("", "unsorted", None, ""),
    ],
)
def test_a_folder_name_tells_its_well(
    module: Page, folder: str, outlet: str | int, number: int | None, position: str
) -> None:
    read = read_name(module, folder)
    assert (read["outlet"], read["number"], read["position"]) == (outlet, number, position)


def test_folders_without_a_number_take_the_next_free_ones(module: Page) -> None:
    script = """async () => {
      const { groupByWell } = await import("/static/js/upload/wells.js");
      const files = ["d/left/a.bmp", "d/left/b.bmp", "d/right/a.bmp", "d/well_1/a.bmp"]
        .map((path) => ({ path }));
      const existing = [{ outlet: null, number: 2, position: null }];
      return groupByWell(files, existing).map(({ folder, number, files }) =>
        [folder, number, files.length]);
    }"""
    assert module.evaluate(script) == [["d/left", 3, 2], ["d/right", 4, 1], ["d/well_1", 1, 1]]


def test_a_place_already_known_is_the_same_well_again(module: Page) -> None:
    script = """async () => {
      const { groupByWell } = await import("/static/js/upload/wells.js");
      const existing = [{ outlet: null, number: 7, position: "B2" }];
      return groupByWell([{ path: "plate/B2/a.bmp" }], existing)[0].number;
    }"""
    assert module.evaluate(script) == 7


def test_of_several_microscopes_a_folder_is_given_one_and_a_known_well_keeps_its_own(
    page: Page, preview_url: str
) -> None:
    page.goto(f"{preview_url}/samples/1/upload")
    script = """async (profiles) => {
      const { Mapping } = await import("/static/js/upload/mapping.js");
      const { groupByWell } = await import("/static/js/upload/wells.js");
      const find = (name) => document.querySelector(`[data-${name}]`);
      const mapping = new Mapping({ rows: find("map-rows"), problem: find("map-problem"),
        button: find("send"), instrument: find("map-instrument"), sampleId: "1" });
      const wells = [{ outlet: null, number: 1, position: "B2", profile_id: "b" }];
      const files = ["p/B2/a.bmp", "p/B3/a.bmp"].map((path) => ({ path, file: { size: 1 } }));
      mapping.show(groupByWell(files, wells), wells, profiles);
      return [find("map-instrument").hidden, ...[...document.querySelectorAll(
        "[data-label=Instrument] select")].map((one) => [one.value, one.disabled])];
    }"""
    both = [{"id": "a", "name": "40×"}, {"id": "b", "name": "20×"}]
    assert page.evaluate(script, both) == [False, ["b", True], ["b", False]]
    assert page.evaluate(script, both[:1]) == [True]


def test_a_session_that_ends_while_files_are_sent_is_waited_for(module: Page) -> None:
    script = """async () => {
      const { sendAll } = await import("/static/js/upload/transfer.js");
      const { Gate } = await import("/static/js/upload/gate.js");
      const answers = [401, 404, 201]; // signed out; signed in again: not there yet; taken
      window.fetch = async () => new Response("{}", { status: answers.shift() });
      const said = [];
      const states = [];
      const items = [{ file: new File(["x"], "a.bmp"), wellId: "w", mayBeThere: false }];
      await sendAll(items, {
        gate: new Gate(), hash: async () => "0".repeat(64), maxFileBytes: 100,
        onAway: (why) => said.push(why), onState: (_, { state }) => states.push(state) });
      return [said, states];
    }"""
    assert module.evaluate(script) == [["signed-out", None], ["sending", "sent"]]


@pytest.mark.parametrize("length", [0, 1, 55, 56, 63, 64, 65, 100_000])
def test_the_fallback_hash_is_sha256(module: Page, length: int) -> None:
    data = bytes(n % 251 for n in range(length))
    script = """async (length) => {
      const { sha256Hex } = await import("/static/js/upload/sha256.js");
      return sha256Hex(Uint8Array.from({ length }, (_, n) => n % 251).buffer);
    }"""
    assert module.evaluate(script, length) == hashlib.sha256(data).hexdigest()


def test_the_worker_hashes_off_the_page(module: Page) -> None:
    script = """async () => {
      const { startHashing } = await import("/static/js/upload/hashing.js");
      const { hash, stop } = startHashing();
      const sha256 = await hash(new File(["pliant"], "a.bmp"));
      stop();
      return sha256;
    }"""
    assert module.evaluate(script) == hashlib.sha256(b"pliant").hexdigest()


def test_a_file_whose_answer_was_lost_on_the_way_is_not_sent_again(module: Page) -> None:
    script = """async () => {
      const { Gate } = await import("/static/js/upload/gate.js");
      const { sendAll } = await import("/static/js/upload/transfer.js");
      const asked = [];
      window.fetch = async (address, { method }) => {
        asked.push(method);
        if (method === "PUT") throw new TypeError("the network went away");
        return new Response(null, { status: 200 });
      };
      const item = { file: new File(["pliant"], "a.bmp"), wellId: "w", mayBeThere: false };
      const states = [];
      await sendAll([item], {
        gate: new Gate(), hash: async () => "0".repeat(64), maxFileBytes: 100, onAway() {},
        onState: (_, { state }) => states.push(state),
      });
      return [asked, states];
    }"""
    assert module.evaluate(script) == [["PUT", "HEAD"], ["sending", "there"]]


def test_system_files_of_a_folder_are_left_out(module: Page) -> None:
    script = """async () => {
      const { readChosen } = await import("/static/js/upload/reading.js");
      const names = ["b2.bmp", ".DS_Store", "Thumbs.db", "b10.bmp"];
      return readChosen(names.map((name) => new File([], name))).map(({ path }) => path);
    }"""
    assert module.evaluate(script) == ["b2.bmp", "b10.bmp"]


def test_time_left_follows_the_rate_of_the_last_seconds(module: Page) -> None:
    script = """async () => {
      const { Progress, timeLeft } = await import("/static/js/upload/progress.js");
      const items = Array.from({ length: 10 }, () => ({ file: { size: 6e6 } }));
      const progress = new Progress(items);
      for (let n = 1; n <= 4; n += 1) progress.add(6e6, n * 1000);
      const rate = progress.rate(0, 4000);
      return [progress.share, rate, timeLeft((progress.total - progress.bytes) / rate)];
    }"""
    assert module.evaluate(script) == [pytest.approx(0.4), pytest.approx(6e6), "6 s left"]
