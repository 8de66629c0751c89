import Database from "better-sqlite3";

import { refused } from "../run.mjs";
import { runWith } from "../run.mjs";

const people = ["Ada", "Bob", "Eve"];
const opened = new Database(":memory:");
let db;

function open() {
  db = new Database(":memory:");
  db.exec("create table people (id integer primary key, name text)");
  const insert = db.prepare("insert into people (name) values (?)");
  for (const name of people) insert.run(name);
}

function find(pattern) {
  return db.prepare("select id, name from people where name like ? order by id").all(pattern);
}

open();
runWith(
  { initializer: open },
  [find, "%e%"],
  [find, "A%"],
  refused("an instance of Database", () => opened.prepare("select 1").get()),
);
