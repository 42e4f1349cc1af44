/* The list of people: one tick for everybody on the page. Without this script each is ticked alone. */
"use strict";

const all = document.querySelector("[data-picks]");
if (all) {
  const box = all.querySelector("input");
  const picks = () => [...document.querySelectorAll('#people input[name^="pick."]')];
  all.hidden = false;
  box.addEventListener("change", () => {
    for (const each of picks()) each.checked = box.checked;
  });
  document.getElementById("people").addEventListener("change", (event) => {
    if (event.target === box) return;
    const ticked = picks().filter((each) => each.checked).length;
    box.checked = ticked > 0 && ticked === picks().length;
    box.indeterminate = ticked > 0 && !box.checked;
  });
}
