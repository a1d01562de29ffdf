"""Random weights in the shape of a checkpoint, exported for OpenVINO GenAI; runs in an environment that has torch and optimum-intel.

usage: openvino_export.py CHECKPOINT OUT

CHECKPOINT needs config.json and tokenizer files only. int4, symmetric, groups of 128 in all layers; embedding and head stay
int8, as optimum-intel has them. OUT.bf16 holds the random checkpoint meanwhile (2 bytes a parameter)."""
import pathlib, shutil, subprocess, sys
import torch
from transformers import AutoConfig, AutoModelForCausalLM

checkpoint, out = map(pathlib.Path, sys.argv[1:3])
random = out.with_name(out.name + ".bf16")
torch.manual_seed(1)
torch.set_default_dtype(torch.bfloat16)
model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(checkpoint), dtype=torch.bfloat16)
model.save_pretrained(random)
del model
for file in checkpoint.iterdir():
    if file.name.startswith(("token", "special")):
        shutil.copy(file, random)
program = pathlib.Path(sys.executable).with_name("optimum-cli")
subprocess.run([program, "export", "openvino", "--model", random, "--task", "text-generation-with-past", "--weight-format", "int4",
                "--sym", "--group-size", "128", "--ratio", "1.0", out], check=True)
shutil.rmtree(random)
