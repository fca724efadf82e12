"""Multinomial logistic regression of one label on a model's features, by scikit-learn.

In: a folder with x.npy [rows, features] f32, labels.npy [rows, heads] i32 and split.npy [rows] i32 (0 training, 1 validation,
2 test). Out, on stdout, JSON: per head the strength of the L2 penalty, chosen by the log loss on the validation rows, and
the predictions of every row. Features are standardised by the training rows.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

warnings.simplefilter("error", ConvergenceWarning)
folder = Path(sys.argv[1])
x, labels, split = (np.load(folder / f"{name}.npy") for name in ("x", "labels", "split"))
x = StandardScaler().fit(x[split == 0]).transform(x)
heads = []
for head in range(labels.shape[1]):
    y = labels[:, head]
    best = None
    for strength in (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0):
        model = LogisticRegression(C=strength, max_iter=5_000).fit(x[split == 0], y[split == 0])
        known = (split == 1) & np.isin(y, model.classes_)
        loss = log_loss(y[known], model.predict_proba(x[known]), labels=model.classes_)
        if best is None or loss < best[0]:
            best = (loss, strength, model)
    loss, strength, model = best
    heads.append({"c": strength, "validationLoss": loss, "predictions": model.predict(x).tolist()})
print(json.dumps({"version": sklearn.__version__, "heads": heads}))
