import "reflect-metadata";
import { IsEmail } from "class-validator";
import { IsInt } from "class-validator";
import { Min } from "class-validator";
import { validate } from "class-validator";
import { Type } from "class-transformer";
import { plainToInstance } from "class-transformer";

import { run } from "../run.mjs";

class Order {
  @IsInt()
  @Min(1)
  amount!: number;
}

class User {
  @IsEmail()
  email!: string;

  @Type(() => Order)
  orders!: Order[];

  get total(): number {
    return this.orders.reduce((sum, order) => sum + order.amount, 0);
  }
}

async function check(plain: object): Promise<unknown> {
  const user = plainToInstance(User, plain);
  const errors = await validate(user);
  return [user.total, errors.map((error) => [error.property, Object.keys(error.constraints ?? {})])];
}

run([check, { email: "ada@example.org", orders: [{ amount: 2 }] }], [check, { email: "no", orders: [] }]);
