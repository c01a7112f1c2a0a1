"""SMILES encoder that CReSS pairs with its spectrum encoder (reference section 3): a small RoBERTa."""

import re
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from spectraflow.nn.spectrum_encoder import WIDTH

TOKEN = re.compile(r"\[[^\]]+\]|Br|Cl|%\d\d|.")
PAD, START, END, UNKNOWN = 0, 1, 2, 3
LENGTH = 300


class SmilesVocabulary:
    """Tokens of SMILES: bracket atoms, two-letter elements, ring numbers above 9, else single characters."""

    def __init__(self, smiles: Sequence[str]) -> None:
        self.tokens = sorted({token for one in smiles for token in TOKEN.findall(one)})
        self._code = {token: code for code, token in enumerate(self.tokens, start=UNKNOWN + 1)}

    def __len__(self) -> int:
        return len(self.tokens) + UNKNOWN + 1

    def encode(self, smiles: Sequence[str]) -> Tensor:
        """Return (B, longest) int64 codes with start and end, padded; cut to 300 tokens."""
        known = [[self._code.get(token, UNKNOWN) for token in TOKEN.findall(one)] for one in smiles]
        rows = [[START, *codes[: LENGTH - 2], END] for codes in known]
        longest = max(len(row) for row in rows)
        return torch.tensor([[*row, *[PAD] * (longest - len(row))] for row in rows])


class SmilesEncoder(nn.Module):
    """RoBERTa of 3 layers, 768 wide, 12 heads; hidden state of the first token -> Linear -> unit length."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        from transformers import RobertaConfig, RobertaModel

        config = RobertaConfig(
            vocab_size=vocabulary,
            hidden_size=WIDTH,
            num_hidden_layers=3,
            num_attention_heads=12,
            intermediate_size=4 * WIDTH,
            max_position_embeddings=LENGTH + 2,
            pad_token_id=PAD,
            bos_token_id=START,
            eos_token_id=END,
            type_vocab_size=1,
        )
        self.roberta = RobertaModel(config, add_pooling_layer=False)
        self.output = nn.Linear(WIDTH, WIDTH)

    def forward(self, codes: Tensor) -> Tensor:
        """Map (B, length) codes to (B, 768) of unit length."""
        hidden = self.roberta(codes, attention_mask=(codes != PAD).long()).last_hidden_state
        return functional.normalize(self.output(hidden[:, 0]), dim=1)
