// Requests to the API with the login cookie. Paths are relative to the page, so that they keep the prefix of a proxy.

/** An error response, or a server that does not respond. */
export class ApiError extends Error {}

/** The request needs a user name and a password. */
export class LoginRequiredError extends Error {}

const usesAutoLogin = document.body.dataset.autoLogin === "on";

/** Return the response to a request. A login that has expired is renewed once. */
async function request(path, options = {}) {
  let response = await fetchResponse(path, options);
  if (isDenied(response) && !(await renewLogin())) throw new LoginRequiredError("Log in.");
  if (isDenied(response)) response = await fetchResponse(path, options);
  if (response.status === 401) throw new LoginRequiredError("Log in again.");
  if (!response.ok) throw new ApiError(await problemOf(response));
  return response;
}

async function fetchResponse(path, options) {
  try {
    return await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The server does not respond. Check that it is running, and send the message again.");
  }
}

function isDenied(response) {
  return response.status === 401 || response.status === 403;
}

/** Return whether the browser has a valid login: on a server with auto login a new one, otherwise a renewed one. */
async function renewLogin() {
  const response = usesAutoLogin
    ? await fetchResponse("api/v1/auto_login", {})
    : await fetchResponse("api/v1/refresh", { method: "POST" });
  return response.ok;
}

async function problemOf(response) {
  const text = await response.text();
  return problemText(parsed(text)?.detail ?? text) || `The server responded with status ${response.status}.`;
}

/** Return the text of an error: of a detail that is a sentence, JSON with a message, or a list of invalid fields. */
export function problemText(detail) {
  if (Array.isArray(detail)) return detail.map((problem) => problem.msg).join(" ");
  if (typeof detail === "object" && detail !== null) return problemText(detail.message ?? detail.error ?? detail.text ?? "");
  const message = parsed(detail)?.message;
  return typeof message === "string" ? message : String(detail);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // It is a sentence, not JSON.
  }
}

export async function get(path) {
  return (await request(path)).json();
}

export async function post(path, body) {
  return (await request(path, jsonPost(body))).json();
}

export async function remove(path) {
  await request(path, { method: "DELETE" });
}

function jsonPost(body) {
  return { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

/** Log in with a name and a password. The server sets the cookies. */
export async function logIn(form) {
  const response = await fetchResponse("api/v1/login", { method: "POST", body: new URLSearchParams(form) });
  if (!response.ok) throw new ApiError(await problemOf(response));
}

export async function logOut() {
  await fetchResponse("api/v1/logout", { method: "POST" });
}

/** Run a flow and yield its events. Aborting the signal stops the run. */
export async function* runFlow(flowId, input, session, signal) {
  const body = jsonPost({ input_value: input, session_id: session });
  const response = await request(`api/v1/run/${encodeURIComponent(flowId)}?stream=true`, { ...body, signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let part = await readPart(reader); !part.done; part = await readPart(reader)) {
    const lines = (rest + part.value).split("\n");
    rest = lines.pop();
    // Lines that start with a colon keep an idle connection open.
    for (const line of lines) if (line.trim() && !line.startsWith(":")) yield JSON.parse(line);
  }
}

async function readPart(reader) {
  try {
    return await reader.read();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The connection to the server was lost. Send the message again.");
  }
}
