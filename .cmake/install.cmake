# What `cmake --install` puts where, and the Debian package that `cpack -G DEB` makes of it.

include(GNUInstallDirs)
set(share ${CMAKE_INSTALL_DATADIR}/ringside)

install(TARGETS ringside RUNTIME)
install(PROGRAMS guests/ringside-demo TYPE BIN)

# The guests' debug information names these sources. (Not TARGETS: a package's programs are stripped.)
foreach(guest chips demo64 exits protected32 smp virtio hello16.elf hello16.bin)
    install(FILES ${CMAKE_BINARY_DIR}/guests/${guest} DESTINATION ${share}/guests)
endforeach()
foreach(folder chips demo64 exits hello16 lib protected32 smp virtio)
    install(DIRECTORY guests/${folder} DESTINATION ${share}/guests/source)
endforeach()
install(FILES guests/demo.py guests/demo.gdb DESTINATION ${share}/guests)

install(PROGRAMS tests/lab/demo tests/lab/gdb-server tests/lab/host tests/lab/kernel tests/lab/run DESTINATION ${share}/lab)
install(DIRECTORY tests/lab/boot tests/lab/ringlab DESTINATION ${share}/lab PATTERN __pycache__ EXCLUDE)
install(DIRECTORY tests/lab/guest DESTINATION ${share}/lab USE_SOURCE_PERMISSIONS)

set(documents ${CMAKE_BINARY_DIR}/documents)
install(DIRECTORY ${documents}/man1 TYPE MAN)
install(FILES ${documents}/bash/ringside DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${documents}/zsh/_ringside DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES .cmake/debian/copyright ${documents}/changelog.gz TYPE DOC)
install(FILES .cmake/debian/lintian-overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME ringside)

# The packages of some groups in tests/packages.txt, separated by commas.
function(ringside_packages result)
    file(STRINGS tests/packages.txt lines REGEX "^[a-z]")
    foreach(line ${lines})
        string(REGEX REPLACE " *#.*" "" line "${line}")
        string(REGEX REPLACE " +" ";" words "${line}")
        list(POP_FRONT words package)
        foreach(group ${ARGN})
            if(group IN_LIST words)
                list(APPEND packages ${package})
                break()
            endif()
        endforeach()
    endforeach()
    list(JOIN packages ", " packages)
    set(${result} "${packages}" PARENT_SCOPE)
endfunction()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "The Ringside authors <ringside@example.org>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "virtual machine monitor to debug kernels with gdb")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Ringside boots a kernel on Linux's KVM and serves it to gdb, lldb and IDEs
over the GDB Remote Serial Protocol. Breakpoints, watchpoints and stepping
work from the guest's first instruction on, and every VM exit is counted,
timed and can be recorded. On a host without KVM it runs on emulated
virtualisation hardware.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# What the client, the demo and both labs run. The libraries are found in the program.
ringside_packages(CPACK_DEBIAN_PACKAGE_DEPENDS demo lab intel amd)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS passt)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/.cmake/debian/postinst ${CMAKE_SOURCE_DIR}/.cmake/debian/prerm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
include(CPack)
