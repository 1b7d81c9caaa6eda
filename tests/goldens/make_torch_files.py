"""Makes the small .pth files of this folder with PyTorch 2.13 (`pip install torch==2.13.0`), in both layouts.

python tests/goldens/make_torch_files.py
"""

from collections import OrderedDict
from pathlib import Path

import torch

state = OrderedDict(
    matrix=torch.arange(6, dtype=torch.float32).reshape(2, 3),
    transposed=torch.arange(6, dtype=torch.float32).reshape(2, 3).T,
    part=torch.arange(10, dtype=torch.float64)[3:7],
    half=torch.tensor([0.5, -2.0], dtype=torch.float16),
    brain=torch.tensor([0.5, -2.0], dtype=torch.bfloat16),
    counter=torch.tensor(7, dtype=torch.int64),
    flags=torch.tensor([True, False]),
    empty=torch.zeros(0, 3),
    parameter=torch.nn.Parameter(torch.ones(2)),
)
here = Path(__file__).parent
torch.save(state, here / "small_zip.pth")
torch.save(state, here / "small_legacy.pth", _use_new_zipfile_serialization=False)
torch.save({"state_dict": state, "epoch": 3}, here / "small_nested.pth")
torch.save(torch.nn.Linear(2, 2), here / "whole_module.pth")
