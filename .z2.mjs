import { init } from "z3-solver"; import { readFileSync } from "node:fs";
const { Z3, em } = await init();
const src = readFileSync(".z.mjs","utf8");
function check(text, steps, extra) { const t=performance.now(); const cfg=Z3.mk_config(); const c=Z3.mk_context(cfg); const s=Z3.mk_simple_solver(c); Z3.solver_inc_ref(c,s); const p=Z3.mk_params(c); Z3.params_inc_ref(c,p); Z3.params_set_uint(c,p,Z3.mk_string_symbol(c,"rlimit"),steps); for (const [k,v] of Object.entries(extra)) typeof v==="boolean"?Z3.params_set_bool(c,p,Z3.mk_string_symbol(c,k),v):Z3.params_set_uint(c,p,Z3.mk_string_symbol(c,k),v); Z3.solver_set_params(c,s,p); if(Z3.get_error_code(c)) return Z3.get_error_msg(c,Z3.get_error_code(c)); Z3.solver_from_string(c,s,text); if(Z3.get_error_code(c)) return Z3.get_error_msg(c,Z3.get_error_code(c)); const a=em._Z3_solver_check(c,s); const st=Z3.stats_to_string(c,Z3.solver_get_statistics(c,s)); const r=/rlimit-count\s+(\d+)/.exec(st)?.[1]; return [a,Math.round(performance.now()-t),r,(st.match(/:arith-(gomory|hnf|cube|branch|gcd|patches|dio|conflicts|cheap)\S*\s+\d+/g)||[]).join(" ")].join(" "); }
const text=readFileSync(process.argv[2],"utf8");
for (const e of JSON.parse(process.argv[3])) console.log(JSON.stringify(e), check(text, 3000000, e));
process.exit(0)
