import "reflect-metadata";

import { run } from "../run.mjs";

function Column(type: string) {
  return (target: object, key: string): void => {
    const columns: string[] = Reflect.getMetadata("columns", target.constructor) ?? [];
    Reflect.defineMetadata("columns", [...columns, `${key} ${type}`], target.constructor);
  };
}

function Entity(table: string) {
  return (target: object): void => Reflect.defineMetadata("table", table, target);
}

@Entity("users")
class User {
  @Column("integer")
  id!: number;

  @Column("text")
  name!: string;
}

function createTable(): string {
  const columns: string[] = Reflect.getMetadata("columns", User);
  return `create table ${Reflect.getMetadata("table", User)} (${columns.join(", ")})`;
}

run([createTable], [() => new User().constructor.name]);
