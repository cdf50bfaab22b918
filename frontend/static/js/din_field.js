// A scanned or typed donation number is read back at once, before anything is registered.

const field = document.querySelector("#din");
const said = document.querySelector("[data-din-said]");
let asked = 0;

// Whether the number is wrong; what cannot be asked is left to the form's own check.
async function read() {
  const question = (asked += 1);
  const text = field.value.trim();
  if (!text) return show(null);
  const response = await fetch(`/samples/din?${new URLSearchParams({ text })}`, { credentials: "same-origin" });
  if (!response.ok || response.redirected || question !== asked) return false;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  return show(page.querySelector("[data-din-reading]"));
}

function show(reading) {
  const isWrong = reading ? "wrong" in reading.dataset : false;
  said.replaceChildren(...(reading ? [document.adoptNode(reading)] : []));
  said.className = isWrong ? "wrong" : "hint";
  if (isWrong) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
  return isWrong;
}

function nextField() {
  const fields = [...field.form.elements].filter((one) => one.willValidate && one.type !== "submit");
  fields[fields.indexOf(field) + 1]?.focus();
}

// A second scan of a label that was refused must replace the first, not land in the next field.
async function scanned() {
  const isWrong = await read().catch(() => false);
  if (document.activeElement !== field) return;
  if (isWrong) field.select();
  else nextField();
}

if (field) {
  field.addEventListener("change", () => read().catch(() => {})); // the form is checked anyway
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return; // scanners end with it: it must not send a form half filled
    event.preventDefault();
    scanned();
  });
}
