"""The layer check finds what it is meant to find."""

from tests.lint import layers, sources
from tests.lint.sources import IncludeGraph

HEADERS = {path: "" for path in (
    "arch/x86_64/address.h", "gdbstub/target.h", "vmm/base/ids.h", "vmm/kvm/vm.h", "vmm/machine/bus.h", "vmm/exits/record/log.h",
    "vmm/debug/target/debugger.h", "vmm/devices/serial.h")}


def check(path: str, text: str) -> list[str]:
    return layers.violations({**HEADERS, path: text})


class TestLayers:
    def test_a_clean_tree_has_no_violations(self):
        assert check("vmm/debug/target/a.cpp", '#include "gdbstub/target.h"\n#include "arch/x86_64/address.h"\n') == []

    def test_the_foundations_know_nothing_of_each_other_or_of_the_house(self):
        for path, name in (("arch/x86_64/a.cpp", "gdbstub/target.h"), ("arch/x86_64/a.cpp", "vmm/base/ids.h"),
                           ("gdbstub/a.cpp", "arch/x86_64/address.h"), ("gdbstub/a.cpp", "vmm/base/ids.h")):
            assert len(check(path, f'#include "{name}"\n')) == 1

    def test_the_foundations_do_no_io_of_the_wrong_kind(self):
        for path, name in (("arch/a.h", "sys/ioctl.h"), ("arch/a.h", "linux/kvm.h"), ("arch/a.h", "thread"),
                           ("arch/a.h", "asio/ip/tcp.hpp"), ("gdbstub/a.h", "sys/ioctl.h")):
            assert check(path, f"#include <{name}>\n") != []

    def test_devices_and_machine_know_nothing_of_the_debugger(self):
        for folder in ("vmm/devices", "vmm/machine", "vmm/kvm", "vmm/boot", "vmm/exits/record"):
            for name in ("vmm/debug/target/debugger.h", "gdbstub/target.h"):
                assert len(check(f"{folder}/a.h", f'#include "{name}"\n')) == 1

    def test_the_kvm_header_has_one_owner(self):
        assert check(layers.KVM_HEADER_OWNER, "#include <linux/kvm.h>\n") == []
        assert len(check("vmm/kvm/vm.cpp", "#include <linux/kvm.h>\n")) == 1

    def test_kvms_names_are_not_for_the_debugger(self):
        for code in ("if (reason == KVM_EXIT_IO)", "kvm_vcpu_events events;"):
            assert len(check("vmm/debug/guest/a.cpp", code)) == 1
            assert check("vmm/kvm/a.cpp", code) == []

    def test_comments_messages_and_other_names_may_look_like_kvms(self):
        for code in ("// after KVM_RUN", 'fail("KVM_RUN failed");', "int kvm_device;"):
            assert check("vmm/debug/guest/a.cpp", code) == []

    def test_an_include_that_is_not_from_the_root_is_noticed(self):
        assert len(check("vmm/kvm/vm.cpp", '#include "vm.h"\n')) == 1

    def test_the_table_has_no_cycle(self):
        folders = [layer.folder for layer in layers.LAYERS]
        edges = {layer.folder: [folder for folder in folders for allowed in layer.may_include
                                if layers.is_below(folder, allowed) and folder != layer.folder]
                 for layer in layers.LAYERS}

        def walk(folder: str, above: tuple[str, ...]) -> None:
            assert folder not in above
            for below in edges[folder]:
                walk(below, (*above, folder))

        for folder in folders:
            walk(folder, ())

    def test_a_folder_without_a_row_on_the_map_is_noticed(self):
        page = sources.read(layers.MAP)
        assert layers.missing_from_map(page) == []
        assert layers.missing_from_map(page.replace("| `debug/dump/` |", "")) == ["vmm/README.md has no row for debug/dump/"]
        assert "vmm/README.md has no row for exits/record/" in layers.missing_from_map("")


class TestClosure:
    def test_it_follows_includes_and_survives_cycles(self):
        graph = IncludeGraph({"a.cpp": '#include "b.h"\n', "b.h": '#include "c.h"\n', "c.h": '#include "b.h"\n',
                              "d.h": ""})
        assert graph.closure("a.cpp") == {"a.cpp", "b.h", "c.h"}
