/** The entry point of a solver process: opens Z3, then answers one request after another until the owner hangs up. */

import { openSolver } from "./solver.ts";
import type { SolverMessage, SolverRequest } from "./solver-protocol.ts";

function send(message: SolverMessage): void {
  process.send?.(message);
}

async function main(): Promise<void> {
  const solver = await openSolver();
  process.on("message", (request: SolverRequest) => {
    solver.check(request.text, request.limits).then(
      (answer) => send({ kind: "answer", answer }),
      (cause: unknown) => {
        send({ kind: "failed", reason: String(cause) });
        process.exit(1);
      },
    );
  });
  process.on("disconnect", () => process.exit(0));
  send({ kind: "ready", version: solver.version });
}

main().catch((cause: unknown) => {
  send({ kind: "failed", reason: String(cause) });
  process.exit(1);
});
