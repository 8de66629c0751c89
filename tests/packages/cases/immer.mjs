import { produce } from "immer";

import { run } from "../run.mjs";

const initial = produce({ todos: [{ text: "write", done: false }] }, () => {});
const toggle = produce((draft, index) => {
  draft.todos[index].done = !draft.todos[index].done;
});

function addTodo(text) {
  const next = produce(initial, (draft) => {
    draft.todos.push({ text, done: false });
  });
  return { next, kept: next.todos[0] === initial.todos[0], toggled: toggle(next, 1) };
}

run([addTodo, "test"], [toggle, initial, 0]);
