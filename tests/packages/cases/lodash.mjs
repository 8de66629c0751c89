import _ from "lodash";

import { run } from "../run.mjs";

const byTeam = _.curry((team, people) => _.filter(people, { team }));
const total = _.flow([(rows) => _.map(rows, "amount"), _.sum]);
const slug = _.memoize((text) => _.kebabCase(text));
const greet = _.template("Hello <%= name %>!");

function report(rows) {
  const groups = _.groupBy(byTeam("a")(rows), "name");
  return { groups: _.mapValues(groups, total), slugs: _.map(rows, (row) => slug(row.name)), hi: greet(rows[0]) };
}

const rows = [
  { name: "Ada Lovelace", team: "a", amount: 3 },
  { name: "Ada Lovelace", team: "a", amount: 4 },
  { name: "Bob", team: "b", amount: 5 },
];
run([report, rows], [(list) => _.chunk(list, 2), [1, 2, 3]], [_.camelCase, "some words"]);
