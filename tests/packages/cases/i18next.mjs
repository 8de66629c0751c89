import i18next from "i18next";

import { run } from "../run.mjs";

const german = i18next.createInstance({
  lng: "de",
  showSupportNotice: false,
  initAsync: false,
  resources: {
    de: { translation: { hello: "Hallo {{name}}", apple_one: "ein Apfel", apple_other: "{{count}} Äpfel" } },
  },
});
german.init();

function greet(name, count) {
  return [german.t("hello", { name }), german.t("apple", { count })];
}

run([greet, "Ada", 1], [greet, "Bob", 3]);
