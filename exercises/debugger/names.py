"""Which quantity a learner's variable probably holds, by its name."""

from __future__ import annotations

import re

_FORWARD: dict[str, dict[str, str]] = {
    "": {
        "x": "x xt onehot",
        "h_prev": "hprev hp hprevious hlast hold h0 htm1 hbefore hin",
        "h": "h ht hnext hnew hidden hiddenstate hcur hout hstate",
        "y": "y yt logits logit scores score ylogits z yraw out output",
        "p": "p pt probs prob ps phat yhat softmax ypred probabilities",
        "loss": "loss l losses totalloss",
    },
    "lstm": {
        "c_prev": "cprev cp cprevious clast cold c0 ctm1 cbefore cellprev",
        "f": "f ft forget fg forgett",
        "i": "i it input ig inp in",
        "g": "g gt ctilde cbar chat candidate cand ccand cellcandidate cc ctemp ctildet",
        "c": "c ct cell cellstate cnext cnew memory ccur cstate cout",
        "o": "o ot output og out",
        "tanh_c": "tanhc tanhct ctanh tc tct ctactivated cact csquashed",
        **{f"a_{k}": f"a{k} z{k} net{k} {k}raw {k}pre {k}in {k}net {k}lin pre{k} {k}z {k}a" for k in "fio"},
        "a_g": "ag zg netg graw ac zc netc craw cpre gpre prec preg ctilderaw ctildepre zcand",
    },
    "gru": {
        "r": "r rt reset",
        "z": "z zt update u ut",
        "n": "n nt htilde hcand candidate cand hhat hbar htildet g",
        "s": "s rhx rhconcat concatr concatrh concat2 rconcat hxr hrx concatreset resetconcat combinedr rh rhprev "
        "hreset resethidden resetstate rxh gated",
        "m": "m mt uh hn",
        **{f"a_{k}": f"a{k} z{k} net{k} {k}raw {k}pre {k}in {k}net {k}lin pre{k}" for k in "rz"},
        "a_n": "an zn netn nraw ah zh neth hraw hpre htilderaw htildepre npre prec preh",
    },
    "rnn": {"a": "a at z zt net pre raw preactivation hraw hpre za"},
}
_BACKWARD: dict[str, dict[str, str]] = {
    "": {
        "dy": "dy dyt dlogits dscores dout dz dyhat dp dprobs delta",
        "dh_out": "dhout dhy dhfromy",
        "dh": "dh dhall dht dhtotal dhidden dhfull dhsum",
        "dh_prev": "dhprev dhnext dhprevious dhlast dh0 dhcarry dhback",
        "dx": "dx dxt",
    },
    "lstm": {
        "dc": "dc dcall dct dcell dctotal dcfull dcsum",
        "dc_prev": "dcprev dcnext dcprevious dclast dc0 dccarry dcellprev dcback",
        "do": "do dot doutput doutputgate dogate",
        "di": "di dit dinput dinputgate digate",
        "df": "df dft dforget dforgetgate dfgate",
        "dg": "dg dgt dctilde dcbar dchat dcandidate dcand dcc dctildet",
        **{
            f"da_{k}": f"da{k} dz{k} dnet{k} d{k}raw d{k}pre d{k}in d{k}net d{k}lin dpre{k} delta{k} d{k}z d{k}a"
            for k in "fio"
        },
        "da_g": "dag dzg dnetg dgraw dac dzc dnetc dcraw dcpre dgpre deltag deltac dctilderaw dctildepre dprec dzcand "
        "dcin",
    },
    "gru": {
        "dz": "dz dzt dupdate du",
        "dr": "dr drt dreset",
        "dn": "dn dnt dhtilde dhcand dcandidate dcand dhhat dhbar dhtildet dg",
        "ds": "ds drh drhprev dhreset dresethidden drhp dgated",
        "dm": "dm dmt duh",
        **{f"da_{k}": f"da{k} dz{k} dnet{k} d{k}raw d{k}pre d{k}in dpre{k} delta{k} d{k}lin" for k in "rz"},
        "da_n": "dan dzn dnetn dnraw dah dzh dneth dhraw dhpre dhtilderaw dhtildepre deltan deltah dnpre",
    },
    "rnn": {"da": "da dat dz dzt dnet dpre draw dtanh delta dhraw dhpre dpreactivation"},
}
#: Gradients of pre-activations are often kept under the gate's own name: second choice.
_ALSO = {
    "lstm": {f"d{k}": f"da_{k}" for k in "fiog"},
    "gru": {f"d{k}": f"da_{k}" for k in "rzn"},
    "rnn": {},
}
_GRADIENT = {
    "lstm": {"f": "f forget", "i": "i input in", "g": "c g ctilde candidate cand", "o": "o output"},
    "gru": {"r": "r reset", "z": "z update u", "n": "h n c htilde candidate cand"},
    "rnn": {"h": "h hh xh hx ih hid "},
}
_NOISE = re.compile(r"_|gates?|activations?|states?|list|cache|history|values?")


class Names:
    """The names of one kind of cell."""

    def __init__(self, cell: str) -> None:
        self._forward = _table(_FORWARD, cell)
        self._backward = _table(_BACKWARD, cell)
        for first, second in _ALSO[cell].items():
            for meant in self._backward.values():
                if first in meant and second not in meant:
                    meant.append(second)
        if cell == "lstm":
            for gate in "fio":
                self._backward[f"dp{gate}"] = [f"dp_{gate}"]
        for gate, words in {**_GRADIENT[cell], "y": "y hy out"}.items():
            for word in words.split(" "):
                self._backward.setdefault(f"db{word}", []).append(f"db_{gate}")
                for form in (word, f"x{word}", f"h{word}", f"{word}x", f"{word}h"):
                    self._backward.setdefault(f"dw{form}", []).append(f"dW_{gate}")

    def meant(self, path: str, phase: str) -> list[str]:
        """The quantities that a variable such as ``self.cache['f_t']`` may be, the likeliest first."""
        table = self._forward if phase == "forward" else self._backward
        for word in _words(path):
            for form in (word, word.rstrip("s"), re.sub(r"t$", "", word), re.sub(r"\d+$", "", word)):
                if form in table:
                    return table[form]
        return []


def _words(path: str) -> list[str]:
    """The path's last name, as it is and without noise: ``cache['f_gate']`` is "f_gate", then "f"."""
    names = re.findall(r"[A-Za-z_]\w*", re.sub(r"\[\d+\]", "", path))
    if not names:
        return []
    plain = names[-1].lower()
    return [plain.replace("_", ""), _NOISE.sub("", plain)]


def _table(tables: dict[str, dict[str, str]], cell: str) -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    for part in (tables[cell], tables[""]):
        for quantity, words in part.items():
            for word in words.split():
                table.setdefault(word, []).append(quantity)
    return table
