# The headers that most files include, compiled once.
#
# A precompiled header hides an #include that is missing. So does RINGSIDE_UNITY. The preset clang, which has neither,
# and the lint lane's builds find it.

option(RINGSIDE_PCH "Precompile the headers that most files include" ON)
# With -static, fmt is a library of headers, configured by macros that not every target has.
if(RINGSIDE_STATIC)
    set(RINGSIDE_PCH OFF)
endif()

# ccache takes part if it may ignore that __TIME__ and a macro defined in a precompiled header could change the result.
if(RINGSIDE_PCH AND RINGSIDE_CCACHE)
    set(launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${RINGSIDE_CCACHE})
    set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

# ringside_precompiled(NAME HEADERS HEADER... DEPENDS TARGET...): for ringside_use_precompiled().
function(ringside_precompiled name)
    cmake_parse_arguments(PCH "" "" "HEADERS;DEPENDS" ${ARGN})
    if(NOT RINGSIDE_PCH)
        return()
    endif()
    set(source ${CMAKE_BINARY_DIR}/precompiled/${name}.cpp)
    file(CONFIGURE OUTPUT ${source} CONTENT "")
    add_library(${name} OBJECT EXCLUDE_FROM_ALL ${source})
    target_link_libraries(${name} PRIVATE ringside_options ${PCH_DEPENDS})
    if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
        target_compile_options(${name} PRIVATE -fpch-preprocess)
    endif()
    target_precompile_headers(${name} PRIVATE ${PCH_HEADERS})
endfunction()

# ringside_use_precompiled(TARGET NAME): TARGET must be compiled with the options that NAME was.
function(ringside_use_precompiled target name)
    if(NOT RINGSIDE_PCH)
        return()
    endif()
    target_precompile_headers(${target} REUSE_FROM ${name})
    if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
        target_compile_options(${target} PRIVATE -fpch-preprocess)
    endif()
endfunction()
