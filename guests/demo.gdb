# The machine is stopped before its first instruction. No code of the kernel has run yet.
print $rip
#? pvh_entry

# A plain breakpoint on the kernel's C++ entry, many instructions and a mode switch away.
break guest_main
continue
#? guest_main
next
next
#? main.cpp|initialise

# Four tasks take turns in this kernel. step() is one turn of one of them.
break step
continue
#? step \(task=0x[0-9a-f]+
backtrace
#? task_main \(task=
print *task
#? name = 0x[0-9a-f]+ "producer"

# Over one line, into a function, and out of it again with its result.
next
step
#? produce \(ring=.*, value=0
finish
#? Value returned is .* = true
delete

# Who changes a variable? A watchpoint knows.
watch rounds_done
continue
#? Old value = 0(.|\n)*New value = 1
delete

# Stop in a loop only when it gets interesting.
break mix if value == 25
continue
#? mix \(sum=[0-9]+, value=25\)
backtrace
#? checksum(.|\n)*run_scheduler
print queue
#? count = 2

# The CPU's registers, the ones that only a kernel sees among them.
info registers rip rsp eflags
#? rip +0x
print $cr0
print $cr3
x/3i $rip
#? => 0x[0-9a-f]+ <.*mix
delete

# And what the virtual machine left the guest for, so far.
monitor exits
#? reason +count

# What the kernel has printed until now.
shell cat "$DEMO_SERIAL"
#? round 5: queued 1 

# Go on as you like: `continue` and Ctrl-C, `break on_page_fault`, `monitor help`, `quit`.
