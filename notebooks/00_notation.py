# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 00 Notation
#
# Which letter of the papers is which number in the arrays?

# %%
import yolo_losses as yl

print(yl.__version__)
