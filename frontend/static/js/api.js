// Calls of the REST interface with the page's own session; refusals become one readable error.

export class Refusal extends Error {
  constructor(status, problem) {
    super((status === 401 && SIGNED_OUT) || problem.detail || problem.title || `The server answered ${status}.`);
    this.status = status;
    this.code = problem.code || "";
    this.requestId = problem.request_id || "";
  }
}

export const SIGNED_OUT = "You are signed out. Sign in again in another tab, then try again here: this page keeps what it shows.";

// Browsers say "Failed to fetch", each in its own words.
export async function reach(address, options) {
  try {
    return await fetch(address, options);
  } catch (error) {
    if (error instanceof TypeError) throw new Error("The server cannot be reached; try again in a moment.", { cause: error });
    throw error;
  }
}

async function problemOf(response) {
  try {
    return await response.json();
  } catch {
    return {};
  }
}

export async function call(method, path, { body, headers, signal } = {}) {
  const response = await reach(`/api/v1${path}`, {
    method,
    body,
    signal,
    credentials: "same-origin",
    headers: { Accept: "application/json", ...headers },
  });
  if (!response.ok) throw new Refusal(response.status, await problemOf(response));
  if (response.status === 204 || method === "HEAD") return null;
  return response.json();
}

export function send(method, path, values) {
  return call(method, path, {
    body: JSON.stringify(values),
    headers: { "Content-Type": "application/json" },
  });
}
