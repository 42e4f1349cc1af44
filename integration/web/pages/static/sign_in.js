// Passwords can be shown, and their length is told while they are typed. Without it every form works.
"use strict";

for (const button of document.querySelectorAll("button[data-shows]")) {
  const field = document.getElementById(button.dataset.shows);
  const show = button.textContent;
  button.hidden = false;
  button.addEventListener("click", () => {
    const isShown = field.type === "text";
    field.type = isShown ? "password" : "text";
    button.textContent = isShown ? show : button.dataset.hide;
  });
  // A shown password is not one that browsers keep as a typed text.
  field.form.addEventListener("submit", () => {
    field.type = "password";
  });
}

const GOOD = 16; // characters: a passphrase of three or four words

for (const sentence of document.querySelectorAll("[data-strength]")) {
  const field = document.getElementById(sentence.dataset.strength);
  const hint = sentence.textContent;
  field.addEventListener("input", () => {
    const length = [...field.value].length;
    const missing = Number(sentence.dataset.minimum) - length;
    if (length === 0) {
      sentence.textContent = hint;
    } else if (missing > 0) {
      sentence.textContent = sentence.dataset.short.replace("{count}", missing);
    } else {
      sentence.textContent = length < GOOD ? sentence.dataset.middling : sentence.dataset.good;
    }
  });
}
