// The menus of the frame are plain <details> and work without this; here they answer to keys as menus do.

const STEPS = { ArrowDown: 1, ArrowUp: -1 };

function step(menu, by) {
  menu.open = true;
  const entries = [...menu.querySelectorAll("a, button")];
  const at = entries.indexOf(document.activeElement);
  const next = at < 0 && by < 0 ? -1 : at + by;
  entries.at(next % entries.length).focus();
}

function onKey(event) {
  const menu = event.currentTarget;
  if (event.key in STEPS) step(menu, STEPS[event.key]);
  else if (event.key === "Escape" && menu.open) {
    menu.open = false;
    menu.querySelector("summary").focus();
  } else return;
  event.preventDefault();
  event.stopPropagation(); // the page's own keys, such as those of the gallery, are not meant
}

for (const menu of document.querySelectorAll("details[name=menu]")) {
  menu.addEventListener("keydown", onKey);
  menu.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget && !menu.contains(relatedTarget)) menu.open = false;
  });
  document.addEventListener("pointerdown", ({ target }) => {
    if (!menu.contains(target)) menu.open = false;
  });
}
