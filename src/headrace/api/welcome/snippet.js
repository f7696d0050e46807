// The command that calls the flow from a program, and the API key that it needs.

import { post } from "./client.js";

const snippet = document.getElementById("snippet");
const status = document.getElementById("snippet-status");
let key = "$KEY";
let address = "";

/** Show the command for a flow. */
export function showSnippet(flow) {
  address = new URL(`api/v1/run/${encodeURIComponent(flow.endpoint_name || flow.id)}`, document.baseURI).href;
  render();
}

function render() {
  snippet.textContent =
    `curl "${address}" \\\n  -H "x-api-key: ${key}" -H "content-type: application/json" \\\n` +
    `  -d '{"input_value": "Hello!", "session_id": "first"}'`;
}

/** Create an API key and show it in the command. No other response contains it. */
export async function createKey() {
  key = (await post("api/v1/api_key/", { name: "Welcome page" })).api_key;
  render();
  status.textContent = "The command contains your new key. Store it: it is not shown again.";
}

/** Forget the key of a user who logs out. */
export function forgetKey() {
  key = "$KEY";
  status.textContent = "";
  render();
}

export async function copySnippet() {
  // Browsers offer the clipboard to pages on HTTPS and on this machine only.
  if (!navigator.clipboard) {
    status.textContent = "This browser lets only pages on HTTPS copy. Select the text instead.";
    return;
  }
  await navigator.clipboard.writeText(snippet.textContent);
  status.textContent = "Copied.";
}
