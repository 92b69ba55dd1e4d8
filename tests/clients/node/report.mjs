// What every client is asked to do, and how it tells what came of it.
export const URL = process.env.FAIRLEAD_URL;
export const KEY = process.env.KEY;
export const PROMPT = "Which of the two ships is faster?";
export const TOOL_PROMPT = "Use get_weather, then answer.";
export const WEATHER = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
export const VERDICT = {
  type: "object",
  properties: { faster: { type: "string" }, knots: { type: "integer" } },
  required: ["faster", "knots"],
  additionalProperties: false,
};

// The status of the error that a client has for keys that open nothing, asked with one that was revoked.
export async function refused(ask, AuthenticationError) {
  try {
    await ask(process.env.REVOKED_KEY);
  } catch (error) {
    if (error instanceof AuthenticationError) return error.status;
    throw error;
  }
  return "answered";
}

async function tried(step) {
  try {
    return await step();
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
}

// Prints client -> route -> step -> what came of it, as JSON; `clients` gives the steps of each for a route.
export async function report(clients) {
  const results = {};
  for (const [name, steps] of Object.entries(clients)) {
    results[name] = {};
    for (const route of process.env.ROUTES.split(" ")) {
      results[name][route] = {};
      for (const [step, run] of Object.entries(steps(route))) results[name][route][step] = await tried(run);
    }
  }
  console.log(JSON.stringify(results));
}
