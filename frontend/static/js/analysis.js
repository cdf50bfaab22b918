// The sample's page while an analysis runs: a bar, a sentence, and the result when it is there.

import { follow } from "./following.js";

const part = document.querySelector("[data-analysis]");

function show({ progress }) {
  const { images_done: done, images_total: total } = progress;
  part.querySelector("[data-analysis-bar]").max = total || 1;
  part.querySelector("[data-analysis-bar]").value = done;
  part.querySelector("[data-analysis-text]").textContent = `${done} of ${total} images done`;
}

if (part) {
  follow(part.dataset.analysis, show)
    .then(() => location.reload())
    .catch((error) => {
      part.querySelector("[data-analysis-text]").textContent = error.message;
    });
}
