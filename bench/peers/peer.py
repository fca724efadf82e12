"""A peer of `npm run bench`: the MoE model as users of PyTorch and of JAX write it. One process, one framework.

    peer.py torch|torch.compile|jax FOLDER

Commands are lines of JSON on standard input, and each is answered by one:

    {"do": "prepare", "program": "forward"|"sparse"|"step"|"sparseStep", "rows": B}   → {"version": …}, and FOLDER/<name>.<program>.bin
    {"do": "run", "seconds": s}                                          → {"seconds": per call, "calls": n}
    {"do": "export", "program": …, "file": …}                            → {}: the model as ONNX, by PyTorch
    {"do": "memory", "program": …, "rows": B}                            → {"bytes": what three steps add to this process at most}

FOLDER has model.json (the configuration and the names and shapes of weights), weights.bin, and for each B x.<B>.bin, the classes
outcome.<B>.bin and action.<B>.bin. A step is not kept: each call starts from the weights that the last one left.
"""

import json
import os
import sys
import time

import numpy as np

which, folder = sys.argv[1:3]
with open(os.path.join(folder, "model.json")) as file:
    model = json.load(file)
config, training = model["config"], model["config"]["training"]
DEPTH, EXPERTS, CHOSEN, SPLIT = config["depth"], config["experts"], config["chosen"], config["outcomes"]


def read(name, kind=np.float32):
    return np.fromfile(os.path.join(folder, name), dtype=kind)


def weights():
    flat, at, found = read("weights.bin"), 0, {}
    for name, shape in model["weights"]:
        count = int(np.prod(shape))
        found[name] = flat[at : at + count].reshape(shape).copy()
        at += count
    return found


def rows_of(rows):
    x = read(f"x.{rows}.bin").reshape(rows, config["inputs"])
    return x, read(f"outcome.{rows}.bin", np.int32), read(f"action.{rows}.bin", np.int32)


class Torch:
    def __init__(self, compiled):
        import torch

        self.torch, self.compiled = torch, compiled
        self.version = f"PyTorch {torch.__version__}" + (", torch.compile" if compiled else "")
        nn = torch.nn

        def expert():
            layers, width = [], config["inputs"]
            for _ in range(DEPTH + 1):
                layers += [
                    nn.Linear(width, config["hidden"]),
                    nn.LayerNorm(config["hidden"], eps=config["epsilon"]),
                    nn.GELU("none" if config["gelu"] == "erf" else "tanh"),
                ]
                width = config["hidden"]
            return nn.Sequential(*layers, nn.Linear(width, SPLIT + config["actions"]))

        class MoE(nn.Module):
            def __init__(self, sparse):
                super().__init__()
                self.sparse = sparse
                self.router = nn.Linear(config["inputs"], EXPERTS)
                self.experts = nn.ModuleList(expert() for _ in range(EXPERTS))

            def forward(self, x):
                logits = self.router(x)
                p = torch.softmax(logits, -1)
                gates, chosen = torch.topk(p, CHOSEN, -1)
                if config["renormalise"]:
                    gates = gates / gates.sum(-1, keepdim=True)
                if self.sparse:
                    y = x.new_zeros(x.shape[0], SPLIT + config["actions"])
                    for e, one in enumerate(self.experts):
                        row, place = torch.where(chosen == e)
                        y = y.index_add(0, row, one(x[row]) * gates[row, place, None])
                    return y, logits, p, chosen
                w = torch.zeros_like(p).scatter(1, chosen, gates)
                parts = torch.stack([one(x) for one in self.experts], 1)
                return (w.unsqueeze(-1) * parts).sum(1), logits, p, chosen

        self.MoE = MoE

    def module(self, sparse):
        module = self.MoE(sparse)
        module.load_state_dict({name: self.torch.from_numpy(value) for name, value in weights().items()})
        return module

    def prepare(self, program, rows):
        torch = self.torch
        x, outcome, action = (torch.from_numpy(value) for value in rows_of(rows))
        module = self.module(program in ("sparse", "sparseStep"))
        if program not in ("step", "sparseStep"):
            call = torch.compile(module, dynamic=False) if self.compiled else module
            module.eval()

            def run():
                with torch.inference_mode():
                    return call(x)[0]

            return run, lambda: run().numpy()
        outcome, action = outcome.long(), action.long()
        matrices = [value for value in module.parameters() if value.ndim > 1]
        vectors = [value for value in module.parameters() if value.ndim <= 1]
        optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": training["decay"]}, {"params": vectors, "weight_decay": 0.0}],
            lr=model["rate"],
            betas=(training["beta1"], training["beta2"]),
            eps=training["epsilon"],
        )
        F = torch.nn.functional

        def loss_of(x, outcome, action):
            y, logits, p, chosen = module(x)
            shares = torch.zeros(EXPERTS).index_add(0, chosen.flatten(), torch.ones(chosen.numel())) / chosen.numel()
            return (
                F.cross_entropy(y[:, :SPLIT], outcome)
                + F.cross_entropy(y[:, SPLIT:], action)
                + training["balance"] * EXPERTS * (shares * p.mean(0)).sum()
                + training["z"] * (torch.logsumexp(logits, -1) ** 2).mean()
            )

        loss_call = torch.compile(loss_of, dynamic=False) if self.compiled else loss_of

        def run():
            optimizer.zero_grad(set_to_none=True)
            loss = loss_call(x, outcome, action)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(module.parameters(), training["maxNorm"])
            optimizer.step()
            return loss

        def result():
            run()
            state = module.state_dict()
            return np.concatenate([state[name].numpy().ravel() for name, _ in model["weights"]])

        return run, result

    def memory(self, program, rows):
        run, _ = self.prepare(program, rows)
        return added(lambda: [run() for _ in range(3)])

    def export(self, program, file):
        torch = self.torch
        module = self.module(program == "sparse").eval()

        class Plain(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = module

            def forward(self, x):
                return self.inner(x)[0]

        rows = torch.export.Dim("B")
        x = torch.randn(8, config["inputs"])
        torch.onnx.export(Plain(), (x,), file, input_names=["x"], output_names=["y"], dynamic_shapes=({0: rows},), dynamo=True, external_data=False)


class Jax:
    def __init__(self):
        import jax
        import optax

        self.jax, self.optax = jax, optax
        self.version = f"JAX {jax.__version__}, jit"

    def forward(self, w, x):
        jax, jnp = self.jax, self.jax.numpy
        logits = x @ w["router.weight"].T + w["router.bias"]
        p = jax.nn.softmax(logits)
        gates, chosen = jax.lax.top_k(p, CHOSEN)
        if config["renormalise"]:
            gates = gates / gates.sum(-1, keepdims=True)
        mixed = jnp.einsum("bk,bke->be", gates, jax.nn.one_hot(chosen, EXPERTS))
        parts = []
        for e in range(EXPERTS):
            value = x
            for i in range(DEPTH + 1):
                name = f"experts.{e}.{3 * i}"
                value = value @ w[f"{name}.weight"].T + w[f"{name}.bias"]
                norm = f"experts.{e}.{3 * i + 1}"
                mean = value.mean(-1, keepdims=True)
                variance = ((value - mean) ** 2).mean(-1, keepdims=True)
                value = (value - mean) / jnp.sqrt(variance + config["epsilon"]) * w[f"{norm}.weight"] + w[f"{norm}.bias"]
                value = jax.nn.gelu(value, approximate=config["gelu"] != "erf")
            name = f"experts.{e}.{3 * (DEPTH + 1)}"
            parts.append(value @ w[f"{name}.weight"].T + w[f"{name}.bias"])
        return jnp.einsum("be,ebn->bn", mixed, jnp.stack(parts)), logits, p, chosen

    def prepare(self, program, rows):
        jax, jnp, optax = self.jax, self.jax.numpy, self.optax
        x, outcome, action = (jnp.asarray(value) for value in rows_of(rows))
        w = {name: jnp.asarray(value) for name, value in weights().items()}
        if program in ("sparse", "sparseStep"):
            raise ValueError("the sparse model has shapes that depend on data, which jit has not")
        if program == "forward":
            call = jax.jit(lambda w, x: self.forward(w, x)[0])
            return lambda: call(w, x).block_until_ready(), lambda: np.asarray(call(w, x))
        cross = lambda y, labels: optax.softmax_cross_entropy_with_integer_labels(y, labels).mean()

        def loss_of(w):
            y, logits, p, chosen = self.forward(w, x)
            shares = jax.lax.stop_gradient(jax.nn.one_hot(chosen, EXPERTS).mean((0, 1)))
            return (
                cross(y[:, :SPLIT], outcome)
                + cross(y[:, SPLIT:], action)
                + training["balance"] * EXPERTS * (shares * p.mean(0)).sum()
                + training["z"] * (jax.nn.logsumexp(logits, -1) ** 2).mean()
            )

        optimizer = optax.chain(
            optax.clip_by_global_norm(training["maxNorm"]),
            optax.adamw(
                model["rate"],
                training["beta1"],
                training["beta2"],
                training["epsilon"],
                weight_decay=training["decay"],
                mask={name: value.ndim > 1 for name, value in w.items()},
            ),
        )

        @jax.jit
        def step(w, state):
            gradients = jax.grad(loss_of)(w)
            updates, state = optimizer.update(gradients, state, w)
            return optax.apply_updates(w, updates), state

        kept = {"w": w, "state": optimizer.init(w)}

        def run():
            kept["w"], kept["state"] = step(kept["w"], kept["state"])
            jax.block_until_ready(kept["w"])

        def result():
            run()
            return np.concatenate([np.asarray(kept["w"][name]).ravel() for name, _ in model["weights"]])

        return run, result

    def memory(self, program, rows):
        run, _ = self.prepare(program, rows)
        return added(lambda: [run() for _ in range(3)])


def added(work):
    """What `work` adds to the memory of this process at most, as Linux counts it."""
    status = lambda name: next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith(name))
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak begins anew
    before = status("VmRSS")
    work()
    return status("VmHWM") - before


peer = Jax() if which == "jax" else Torch(which == "torch.compile")
run = None
for line in sys.stdin:
    asked = json.loads(line)
    try:
        if asked["do"] == "prepare":
            run, result = peer.prepare(asked["program"], asked["rows"])
            result().astype(np.float32).tofile(os.path.join(folder, f"{which}.{asked['program']}.bin"))
            for _ in range(3):
                run()
            answer = {"version": peer.version}
        elif asked["do"] == "export":
            peer.export(asked["program"], asked["file"])
            answer = {}
        elif asked["do"] == "memory":
            answer = {"bytes": peer.memory(asked["program"], asked["rows"])}
        else:
            start, calls, now = time.perf_counter(), 0, 0.0
            while now < asked["seconds"]:
                run()
                calls += 1
                now = time.perf_counter() - start
            answer = {"seconds": now / calls, "calls": calls}
    except Exception as cause:  # the answer names it, and the process goes on
        answer = {"error": f"{type(cause).__name__}: {cause}"[:2000]}
    print("\x01" + json.dumps(answer), flush=True)
