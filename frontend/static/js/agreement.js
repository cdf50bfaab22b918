// A table from a file lands in the text field, where it can be looked at before it is sent.
const part = document.querySelector("[data-table-file]");

if (part) {
  const chosen = part.querySelector("input");
  const table = document.querySelector("#table");
  part.hidden = false;
  chosen.addEventListener("change", async () => {
    const [file] = chosen.files;
    if (!file) return;
    table.value = await file.text();
    table.focus();
  });
}
