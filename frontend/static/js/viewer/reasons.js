// The reason given last is offered again, for each kind of correction by itself.

const keyOf = (form) => `reason:${form.dataset.kind}`;

export function reasonOf(form) {
  const { reason, words } = form.elements;
  return (reason.value || words.value).trim();
}

export function remember(form) {
  const { reason, words } = form.elements;
  localStorage.setItem(keyOf(form), JSON.stringify([reason.value, words.value]));
}

// What the kind of correction was last explained with.
export function reasonFor(kind, fallback) {
  const [reason, words] = JSON.parse(localStorage.getItem(`reason:${kind}`) ?? '["", ""]');
  return (reason || words).trim() || fallback;
}

export function recall(form) {
  const kept = localStorage.getItem(keyOf(form));
  if (!kept) return;
  const [reason, words] = JSON.parse(kept);
  form.elements.reason.value = reason;
  form.elements.words.value = words;
  // A ready reason that is offered no longer gives way to the first.
  if (form.elements.reason.selectedIndex < 0) form.elements.reason.selectedIndex = 0;
}
