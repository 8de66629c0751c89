import { createServer } from "node:http";

import axios from "axios";

import { run } from "../run.mjs";

const client = axios.create({ timeout: 5000, headers: { "x-client": "tasks" } });

async function fetchJson(url) {
  const { data, status } = await client.get(url, { params: { a: 1 } });
  return { data, status };
}

async function statusOf(url) {
  try {
    return (await axios.get(`${url}/missing`)).status;
  } catch (error) {
    return axios.isAxiosError(error) ? error.response.status : String(error);
  }
}

const server = createServer((request, response) => {
  response.statusCode = request.url === "/missing" ? 404 : 200;
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ url: request.url, client: request.headers["x-client"] }));
});
server.listen(0, "127.0.0.1", () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  run([fetchJson, url], [statusOf, url]).finally(() => server.close());
});
