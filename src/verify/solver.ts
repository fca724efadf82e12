/**
 * Z3 in this process: SMT-LIB text → `sat` with its model, `unsat`, or `unknown` with the reason.
 *
 * Only `solver-process.ts` uses this, in a process of its own, since a WebAssembly abort ends the process. What keeps
 * the answers sound:
 * - `solver_from_string` and then `solver_check`, never `eval_smtlib2_string`, whose binding frees the text too early;
 * - the error code is read after every call, and anything but 0 is `unknown`;
 * - each query has a context and a solver of its own, which end with it, so that neither an answer nor a model depends on
 *   the queries before; its limit is a parameter of that solver (of steps, not of time: a timer would cost each query a
 *   thread);
 * - a solver made of a tactic whose name Z3 does not know answers `unsat` to everything, and every call clears the error code,
 *   so that it is read after each one that makes a part of a solver; an error there ends the process;
 * - one query at a time: `solver_check` is called synchronously, which also saves the hand-over to another thread;
 * - the owner asks canaries through the same channel as its queries (`pool.ts`).
 */

import { init, type Z3_context, type Z3_solver, type Z3_tactic } from "z3-solver";
import { GAVE_UP } from "./solver-protocol.ts";
import { rememberTableEntries } from "./wasm-table.ts";

export interface SolverAnswer {
  readonly result: "sat" | "unsat" | "unknown";
  /** Z3's text of the model; present for `sat`. */
  readonly model?: string;
  /** Why the answer is `unknown`. */
  readonly reason?: string;
  readonly milliseconds: number;
}

export interface Solver {
  readonly version: string;
  /** Throws when WebAssembly aborts; the process has to end then. */
  readonly check: (text: string, limits: Pick<SolverLimits, "steps">) => SolverAnswer;
}

export interface SolverLimits {
  /** Z3's own count of steps for one query: the same on every machine. About 1.5 million of them take a second. */
  readonly steps: number;
  /** Wall time of one query in milliseconds, after which the owner kills the process. */
  readonly timeoutMs: number;
}

const Z3_OK = 0;
const Z3_TRUE = 1;
const Z3_FALSE = -1;

/**
 * What is done with a query before it is solved, in this order: most of its symbols are quotients and remainders, each with
 * an equation that defines it, and most of its conditions are bounds. Without it the hardest queries take
 * several times as long. (Z3's own choice, `mk_solver`, depends on the time that its parts take.)
 */
const PREPARATION = ["simplify", "propagate-values", "propagate-ineqs", "solve-eqs"] as const;

/** With other tactics to prepare queries, for a test. */
export async function openSolver(preparation: readonly string[] = PREPARATION): Promise<Solver> {
  rememberTableEntries();
  const { Z3, em } = await init();
  const attempt = (text: string, way: Way, { steps, limit }: Share): SolverAnswer => {
    const start = performance.now();
    const config = Z3.mk_config();
    const context = Z3.mk_context(config);
    Z3.del_config(config);
    const elapsed = (): number => performance.now() - start;
    const failure = (): string | undefined => {
      const code = Z3.get_error_code(context);
      return code === Z3_OK ? undefined : `Z3 error ${code}: ${Z3.get_error_msg(context, code)}`;
    };
    const made = <T>(part: T): T => {
      const reason = failure();
      if (reason !== undefined) throw new Error(`no solver can be made: ${reason}`);
      return part;
    };
    const solver = way(Z3, context, made);
    Z3.solver_inc_ref(context, solver);
    const params = Z3.mk_params(context);
    Z3.params_inc_ref(context, params);
    try {
      Z3.params_set_uint(context, params, Z3.mk_string_symbol(context, "rlimit"), steps);
      Z3.solver_set_params(context, solver, params);
      Z3.solver_from_string(context, solver, text);
      const parseFailure = failure();
      if (parseFailure !== undefined) return { result: "unknown", reason: parseFailure, milliseconds: elapsed() };
      if (Z3.ast_vector_size(context, Z3.solver_get_assertions(context, solver)) === 0) {
        return { result: "unknown", reason: "the query asserts nothing", milliseconds: elapsed() };
      }
      const answer: unknown = em._Z3_solver_check(context, solver);
      const checkFailure = failure();
      if (checkFailure !== undefined) return { result: "unknown", reason: checkFailure, milliseconds: elapsed() };
      if (answer === Z3_FALSE) return { result: "unsat", milliseconds: elapsed() };
      if (answer !== Z3_TRUE) {
        const given = Z3.solver_get_reason_unknown(context, solver);
        const reason = `${GAVE_UP}${given === "canceled" ? `it took more than ${limit} steps` : given}`;
        return { result: "unknown", reason, milliseconds: elapsed() };
      }
      const model = Z3.model_to_string(context, Z3.solver_get_model(context, solver));
      const modelFailure = failure();
      if (modelFailure !== undefined) return { result: "unknown", reason: modelFailure, milliseconds: elapsed() };
      return { result: "sat", model, milliseconds: elapsed() };
    } finally {
      Z3.params_dec_ref(context, params);
      Z3.solver_dec_ref(context, solver);
      Z3.del_context(context);
    }
  };
  // What is hard in one way may be easy in the other, so that each gets half of the steps.
  const check: Solver["check"] = (text, { steps }) => {
    const half = Math.ceil(steps / 2);
    const first = attempt(text, prepared(preparation), { steps: half, limit: steps });
    if (first.reason?.startsWith(GAVE_UP) !== true) return first;
    const second = attempt(text, plain, { steps: steps - half, limit: steps });
    return { ...second, milliseconds: first.milliseconds + second.milliseconds };
  };
  return { version: Z3.get_full_version(), check };
}

type Z3 = Awaited<ReturnType<typeof init>>["Z3"];
/** The steps of one attempt, and the limit of both. */
interface Share {
  readonly steps: number;
  readonly limit: number;
}
/** A solver for a query. `made` lets through what has been made without an error. */
type Way = (Z3: Z3, context: Z3_context, made: <T>(part: T) => T) => Z3_solver;

const plain: Way = (Z3, context, made) => made(Z3.mk_simple_solver(context));

/** The SMT core after these tactics. */
function prepared(preparation: readonly string[]): Way {
  return (Z3, context, made) => {
    const named = (name: string): Z3_tactic => {
      const tactic = made(Z3.mk_tactic(context, name));
      Z3.tactic_inc_ref(context, tactic);
      return tactic;
    };
    const tactic = preparation.reduceRight((following, name) => {
      const before = named(name);
      const both = made(Z3.tactic_and_then(context, before, following));
      Z3.tactic_inc_ref(context, both);
      for (const part of [before, following]) Z3.tactic_dec_ref(context, part);
      return both;
    }, named("smt"));
    const solver = made(Z3.mk_solver_from_tactic(context, tactic));
    Z3.tactic_dec_ref(context, tactic);
    return solver;
  };
}
