/** One way to talk to the desk's HTTP API: cookies, the CSRF header, and problem+json turned into one error type. */

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly field: string | null = null,
    readonly hint: string | null = null,
  ) {
    super(detail || title);
    this.name = "ApiError";
  }
}

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

interface CallOptions {
  body?: unknown;
  /** Sent as it is, instead of a body. */
  file?: Blob;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  keepalive?: boolean;
}

let skew = 0;

/** The server's clock as far as its answers tell it, so that countdowns do not trust the local clock. */
export function serverNow(): number {
  return Date.now() + skew;
}

function learnClock(response: Response): void {
  const date = Date.parse(response.headers.get("date") ?? "");
  if (Number.isNaN(date)) return;
  const difference = date + 500 - Date.now();
  skew = Math.abs(difference) > 2000 ? difference : 0;
}

async function problem(response: Response): Promise<ApiError> {
  let body: Record<string, unknown> = {};
  try {
    body = (await response.json()) as Record<string, unknown>;
  } catch {
    // An answer that is no JSON (a proxy's page) still has a status.
  }
  return problemOf(response.status, response.statusText, body);
}

function problemOf(status: number, fallback: string, body: Record<string, unknown>): ApiError {
  const text = (key: string): string | null => (typeof body[key] === "string" ? body[key] : null);
  return new ApiError(status, text("title") ?? fallback, text("detail") ?? "", text("field"), text("hint"));
}

/** @throws ApiError for every answer that is no success; status 0 when the server cannot be reached. */
export async function call<T>(method: Method, path: string, options: CallOptions = {}): Promise<T> {
  const response = await ask(method, path, options);
  if (response.status === 204 || response.headers.get("content-length") === "0") return undefined as T;
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

/**
 * An answer that comes line by line, each line told as it arrives.
 * @throws ApiError as `call` does, and for a line that tells of a problem.
 */
export async function follow(method: Method, path: string, tell: (line: Record<string, unknown>) => void, options: CallOptions = {}): Promise<void> {
  const response = await ask(method, path, { ...options, headers: { Accept: "application/x-ndjson" } });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read().catch((cause: unknown) => {
      throw cause instanceof DOMException && cause.name === "AbortError" ? cause : new ApiError(0, "unreachable", "");
    });
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const step = JSON.parse(line) as Record<string, unknown>;
      const wrong = step.problem as Record<string, unknown> | undefined;
      if (wrong) throw problemOf(Number(wrong.status), "", wrong);
      tell(step);
    }
  }
}

async function ask(method: Method, path: string, options: CallOptions): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
  if (method !== "GET") headers["X-Payvand"] = "1";
  const init: RequestInit = { method, headers, credentials: "same-origin" };
  if (options.body !== undefined) {
    headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(options.body);
  }
  if (options.file) {
    headers["Content-Type"] = options.file.type || "application/octet-stream";
    init.body = options.file;
  }
  if (options.signal) init.signal = options.signal;
  if (options.keepalive) init.keepalive = true;

  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new ApiError(0, "unreachable", "");
  }
  learnClock(response);
  if (!response.ok) throw await problem(response);
  return response;
}
